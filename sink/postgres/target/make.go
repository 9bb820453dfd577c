package target

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// use ensures that a type exists in the target and matches the source's, including the types that it consists of.
func (s *types) use(t *capture.Type) {
	if s.used[t] {
		return
	}
	s.used[t] = true
	if t.Kind == capture.KindArray && t.User == nil {
		s.use(t.Elem)
		return
	}
	f := s.there[s.sought(t, -1)]
	if f == nil {
		f = &foundType{}
		for w, other := range s.there { // it was looked up only with a modifier
			if m := s.sought(t, w.Modifier); w == m && other != nil {
				f = other
			}
		}
	}
	switch {
	case t.User == nil:
		if f.SQL == "" {
			s.refusal("type_missing", fmt.Sprintf("the target has no type %s", t),
				"-- the target's server is too old for the type, or was built without it: leave the table or the column out")
		}
	case t.User.Extension != "":
		s.useExtension(t, f)
	default:
		s.useMade(t, f)
	}
}

// useExtension adds a refusal for a missing type that an extension provides: an operator decides what to install.
func (s *types) useExtension(t *capture.Type, f *foundType) {
	if f.SQL != "" {
		return
	}
	e := t.User.Extension
	fix := "CREATE EXTENSION " + quote(e) + ";"
	if f.Installed {
		fix = "ALTER EXTENSION " + quote(e) + " UPDATE; -- the target's version of it lacks the type"
	}
	s.refusal("extension_missing", fmt.Sprintf("type %s needs extension %s in the target", t, e), fix)
}

// useMade ensures that a user-defined type exists in the target and matches the source's.
func (s *types) useMade(t *capture.Type, f *foundType) {
	m := t.User
	if m.Kind == capture.UserMultirange { // Postgres creates it with its range
		s.use(m.Base)
		return
	}
	if m.Base != nil {
		s.use(m.Base)
	}
	if m.Kind == capture.UserComposite {
		for _, field := range t.Fields {
			s.use(field.Type)
		}
	}
	if f.SQL != "" {
		s.compareType(t, f)
		return
	}
	if m.Kind == capture.UserBase {
		s.refusal("type_missing", fmt.Sprintf("the target has no type %s, which is made by functions in C", t),
			"-- install in the target what makes the type, or leave the column out")
		return
	}
	name := s.sought(t, -1)
	s.needSchema(name.Schema)
	switch sql := quote(name.Schema, name.Name); m.Kind {
	case capture.UserEnum:
		s.do("CREATE TYPE " + sql + " AS ENUM (" + literals(m.Labels) + ")")
	case capture.UserRange:
		s.do("CREATE TYPE " + sql + " AS RANGE (" + s.rangeOptions(t, name.Schema) + ")")
	case capture.UserDomain:
		s.do("CREATE DOMAIN " + sql + " AS " + s.sql(m.Base, m.Modifier) + s.collate(m.Collation, "domain "+sql) + notNull(m.Required))
		for _, check := range m.Checks { // optional: a check may call a function that the target lacks
			s.try("ALTER DOMAIN " + sql + " ADD " + check)
		}
	case capture.UserComposite:
		s.do("CREATE TYPE " + sql + " AS (" + s.attributes(t) + ")")
	}
}

func (s *types) rangeOptions(t *capture.Type, schema string) string {
	m := t.User
	o := []string{"SUBTYPE = " + s.sql(m.Base, -1)}
	if m.Operators != "" {
		o = append(o, "SUBTYPE_OPCLASS = "+m.Operators)
	}
	if collate := s.collate(m.Collation, "range "+t.String()); collate != "" {
		o = append(o, "COLLATION = "+m.Collation)
	}
	if m.Multi != "" {
		o = append(o, "MULTIRANGE_TYPE_NAME = "+quote(schema, m.Multi))
	}
	return strings.Join(o, ", ")
}

func (s *types) attributes(t *capture.Type) string {
	var all []string
	for _, f := range t.Fields {
		all = append(all, s.attribute(t, f))
	}
	return strings.Join(all, ", ")
}

func (s *types) attribute(t *capture.Type, f capture.Field) string {
	return quote(f.Name) + " " + s.sql(f.Type, f.Modifier) + s.collate(f.Collation, "attribute "+f.Name+" of "+t.String())
}

// compareType adds the changes that an existing type needs so that it accepts all values of the source's type.
func (s *types) compareType(t *capture.Type, f *foundType) {
	m, name := t.User, quote(s.sought(t, -1).Schema, t.Name)
	differs := f.By != string(rune(m.Kind))
	was := s.recorded(t)
	switch {
	case differs:
	case was != nil && m.Read.Before(was.Read): // rows of an older shape come again: the target is newer than they are
	case m.Kind == capture.UserEnum:
		s.compareLabels(t, name, f.Labels)
	case m.Kind == capture.UserComposite:
		s.compareAttributes(t, name, f.Fields)
	case m.Kind == capture.UserDomain:
		if f.Required && !m.Required {
			s.addManual("domain "+name+" is NOT NULL in the target only", "ALTER DOMAIN "+name+" DROP NOT NULL")
		}
		differs = f.Base != s.sql(m.Base, m.Modifier)
	case m.Kind == capture.UserRange:
		differs = f.Base != s.sql(m.Base, -1)
	}
	if differs {
		s.refusal("type_taken", "type "+name+" of the target is not what "+t.String()+" is in the source",
			"ALTER TYPE "+name+" RENAME TO "+quote(t.Name+"_old")+"; -- then it is created again, for new columns")
	}
}

func literals(all []string) string {
	var quoted []string
	for _, s := range all {
		quoted = append(quoted, literal(s))
	}
	return strings.Join(quoted, ", ")
}

func notNull(required bool) string {
	if required {
		return " NOT NULL"
	}
	return ""
}
