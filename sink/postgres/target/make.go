package target

import (
	"fmt"
	"slices"
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
	switch {
	case differs:
	case m.Kind == capture.UserEnum:
		s.compareLabels(name, m.Labels, f.Labels)
	case m.Kind == capture.UserComposite:
		s.compareFields(t, name, f.Fields)
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
			"ALTER TYPE "+name+" RENAME TO "+quote(t.Name+"_old")+"; -- then it is made anew, for new columns")
	}
}

// compareLabels adds the labels that an enum lacks. Postgres cannot drop a label, so one that only the target has was renamed in
// the source, to a label between the same neighbors. The stream does not carry the renaming.
func (s *types) compareLabels(name string, source, target []string) {
	from, after := 0, 0 // the indexes after the last label that both have
	for i := 0; i <= len(source); i++ {
		end := len(target)
		if i < len(source) {
			if end = slices.Index(target, source[i]); end < 0 {
				continue
			}
		}
		former := slices.DeleteFunc(slices.Clone(target[min(after, end):end]), func(l string) bool { return slices.Contains(source, l) })
		s.labelsBetween(name, source, target, from, i, former)
		from, after = i+1, end+1
	}
}

// labelsBetween compares one gap between common labels: the target has none of source[from:to], and the source none of former.
func (s *types) labelsBetween(name string, source, target []string, from, to int, former []string) {
	switch lacks := source[from:to]; {
	case len(former) == 0:
	case len(former) == len(lacks):
		for i, l := range lacks {
			s.addManual("label "+former[i]+" of enum "+name+" is called "+l+" in the source",
				"ALTER TYPE "+name+" RENAME VALUE "+literal(former[i])+" TO "+literal(l))
		}
		return
	case len(lacks) > 0:
		s.addManual("of enum "+name+" the source has "+literals(lacks)+" in the place of "+literals(former),
			"-- rename each of the latter to what the source calls it now: ALTER TYPE "+name+" RENAME VALUE "+literal(former[0])+" TO '...'")
		return
	}
	for i := from; i < to; i++ {
		where := ""
		if i > 0 {
			where = " AFTER " + literal(source[i-1])
		} else if len(target) > 0 {
			where = " BEFORE " + literal(target[0])
		}
		s.apart("enum "+name+" lacks label "+source[i], "ALTER TYPE "+name+" ADD VALUE "+literal(source[i])+where)
	}
}

// compareFields adds missing attributes at the end, which keeps the text of older values equal on both sides. Any other
// difference needs an operator.
func (s *types) compareFields(t *capture.Type, name string, target []field) {
	target = s.withoutDropped(t, name, target)
	for i, f := range t.Fields {
		switch want := s.sql(f.Type, f.Modifier); {
		case i >= len(target):
			s.add("type "+name+" lacks attribute "+f.Name, "ALTER TYPE "+name+" ADD ATTRIBUTE "+s.attribute(t, f))
		case target[i].Name != f.Name:
			s.addManual("attribute "+f.Name+" of type "+name+" is "+target[i].Name+" in the target",
				"ALTER TYPE "+name+" RENAME ATTRIBUTE "+quote(target[i].Name)+" TO "+quote(f.Name)+
					"; -- or DROP ATTRIBUTE, where the source has dropped it")
		case target[i].SQL != want:
			s.addManual("attribute "+f.Name+" of type "+name+" is "+target[i].SQL+" in the target and "+want+" in the source",
				"ALTER TYPE "+name+" ALTER ATTRIBUTE "+quote(f.Name)+" TYPE "+want)
		}
	}
	for _, f := range target[min(len(target), len(t.Fields)):] { // in addition to renamed ones
		s.addManual("type "+name+" has attribute "+f.Name+" in the target only", "ALTER TYPE "+name+" DROP ATTRIBUTE "+quote(f.Name))
	}
}

// withoutDropped returns the target's attributes that the source still has, if the source dropped all others and renamed none.
// Otherwise it returns target unchanged.
func (s *types) withoutDropped(t *capture.Type, name string, target []field) []field {
	var kept, dropped []field
	for _, f := range target {
		if n := len(kept); n < len(t.Fields) && t.Fields[n].Name == f.Name {
			kept = append(kept, f)
		} else {
			dropped = append(dropped, f)
		}
	}
	if len(kept) < len(t.Fields) {
		return target
	}
	for _, f := range dropped {
		s.addManual("type "+name+" has attribute "+f.Name+" in the target only", "ALTER TYPE "+name+" DROP ATTRIBUTE "+quote(f.Name))
	}
	return kept
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
