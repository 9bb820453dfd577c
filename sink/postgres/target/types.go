package target

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// types maps the types of one source table to those of the target, and collects the changes that create missing ones.
type types struct {
	schema string // the Catalog's
	there  map[sought]*foundType
	used   map[*capture.Type]bool
	orders map[string]bool // collations that exist
	known  []typeEntry     // what tailrace.types contains
	seen   []typeEntry     // what it has to contain after the changes
	*changes
}

// sought identifies a type to look up in the catalog, by its schema or by the extension that provides it.
type sought struct {
	Schema, Name, Extension string
	Modifier                int32
}

// foundType is a type of the target.
type foundType struct {
	Asked     sought
	SQL       string // qualified and quoted, with the modifier that was asked for
	By        string // pg_type.typtype
	Labels    []part
	Base      string // of a domain or a range, in SQL
	Required  bool
	Fields    []part
	Installed bool // the extension is installed, with or without the type
}

// part is a label of an enum, or an attribute of a composite type.
type part struct {
	Number uint32 // pg_enum.oid or pg_attribute.attnum, which outlive a rename; 0: not known
	Name   string
	SQL    string // the type of an attribute
}

// byName are types whose values refer to objects of their own database. The replica stores them as text, which prints the
// same.
var byName = []string{
	"aclitem", "regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator",
	"regproc", "regprocedure", "regrole", "regtype",
}

const typesQuery = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Asked', w.asked, 'Installed', EXISTS (
    SELECT FROM pg_catalog.pg_extension e WHERE e.extname = w.asked ->> 'Extension'),
  'SQL', pg_catalog.format_type(t.oid, (w.asked ->> 'Modifier')::pg_catalog.int4), 'By', t.typtype,
  'Labels', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Number', e.oid::pg_catalog.int8, 'Name', e.enumlabel)
    ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
  'Base', coalesce((SELECT pg_catalog.format_type(r.rngsubtype, -1) FROM pg_catalog.pg_range r
    WHERE r.rngtypid = t.oid), CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END),
  'Required', t.typnotnull,
  'Fields', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Number', a.attnum, 'Name', a.attname,
      'SQL', pg_catalog.format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)))
FROM pg_catalog.json_array_elements($1::pg_catalog.json) AS w (asked)
LEFT JOIN (pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace)
  ON t.typname = w.asked ->> 'Name' AND CASE WHEN w.asked ->> 'Extension' = '' THEN n.nspname = w.asked ->> 'Schema'
    ELSE EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
      WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e'
        AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.extname = w.asked ->> 'Extension') END`

const ordersQuery = `
SELECT pg_catalog.json_object_agg(w.name, true) FILTER (WHERE pg_catalog.to_regcollation(w.name) IS NOT NULL)
FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS w (name)`

// typesOf collects the types and collations of a table.
func (c *Catalog) typesOf(t *capture.Table, ch *changes) *types {
	s := &types{
		schema: c.Schema, there: map[sought]*foundType{}, used: map[*capture.Type]bool{}, orders: map[string]bool{}, changes: ch,
	}
	for _, column := range slices.Concat(t.Columns, t.Computed) {
		s.collect(column.Type, column.Modifier)
		s.orders[column.Collation] = false
	}
	delete(s.orders, "")
	return s
}

// collect adds a type and the types that it consists of.
func (s *types) collect(t *capture.Type, modifier int32) {
	if t.Kind == capture.KindArray && t.User == nil {
		s.collect(t.Elem, modifier)
		return
	}
	s.there[s.sought(t, modifier)] = nil
	if t.User == nil {
		return
	}
	s.there[s.sought(t, -1)] = nil
	s.orders[t.User.Collation] = false
	if t.User.Base != nil {
		s.collect(t.User.Base, t.User.Modifier)
	}
	if t.User.Kind == capture.UserComposite {
		for _, f := range t.Fields {
			s.collect(f.Type, f.Modifier)
			s.orders[f.Collation] = false
		}
	}
}

// sought returns where to find a type in the target. A user-defined type belongs to the schema of the tables: the Catalog's
// schema when it has one, so that two sources that fill different schemas of the same target do not share types.
func (s *types) sought(t *capture.Type, modifier int32) sought {
	switch {
	case t.User != nil && t.User.Extension != "":
		return sought{Name: t.Name, Extension: t.User.Extension, Modifier: modifier}
	case t.User != nil && s.schema != "":
		return sought{Schema: s.schema, Name: t.Name, Modifier: modifier}
	case t.Schema != "" && t.Schema != "pg_catalog":
	case slices.Contains(byName, t.Name) || t.Name == "unknown": // unknown: the source has dropped the type
		return sought{Schema: "pg_catalog", Name: "text", Modifier: -1}
	default:
		return sought{Schema: "pg_catalog", Name: t.Name, Modifier: modifier}
	}
	return sought{Schema: t.Schema, Name: t.Name, Modifier: modifier}
}

// sql returns a type as the target's format_type prints it, even if the type does not exist there yet, so that equal texts
// mean equal types.
func (s *types) sql(t *capture.Type, modifier int32) string {
	if t.Kind == capture.KindArray && t.User == nil {
		return s.sql(t.Elem, modifier) + "[]"
	}
	w := s.sought(t, modifier)
	if f := s.there[w]; f != nil && f.SQL != "" {
		return f.SQL
	}
	return quote(w.Schema, w.Name)
}

// collate returns the COLLATE clause of a column. It leaves out a collation that the target lacks: that changes the sort order,
// not the values.
func (s *types) collate(collation, where string) string {
	if collation == "" {
		return ""
	}
	if !s.orders[collation] {
		s.addNote(fmt.Sprintf("%s has the default collation: there is no %s in the target", where, collation))
		return ""
	}
	return " COLLATE " + collation
}
