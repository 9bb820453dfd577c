package capture

import "strings"

// Table is one shape of a table. It never changes: a new shape is a new pointer, so what is compiled for a table can
// be kept in a map by pointer.
type Table struct {
	OID     uint32
	Schema  string
	Name    string
	Columns []Column // in the order of a row's values
	Key     []int    // indexes into Columns: the primary key of the catalogue, or what the file says; empty: no key
}

// String is "schema.name".
func (t *Table) String() string { return t.Schema + "." + t.Name }

// Column returns the index of a column, or -1.
func (t *Table) Column(name string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// Column is a column of a Table.
type Column struct {
	Name     string
	Type     *Type
	Modifier int32 // Postgres' type modifier: -1 when there is none
	Key      bool  // part of the table's key
	Identity bool  // part of the replica identity: an old row carries it
	Nullable bool
}

// TypeKind says how a value's text reads; it decides how the value looks in JSON.
type TypeKind uint8

// The kinds of a type. A domain has the kind of its base type.
const (
	KindText        TypeKind = iota // text, varchar, uuid, inet, ranges, enums, time, and all that is not named below
	KindBool                        // t or f
	KindInt                         // int2, int4, int8
	KindFloat                       // float4, float8, with NaN and Infinity
	KindNumeric                     // numeric
	KindMoney                       // money, as lc_monetary prints it
	KindBytes                       // bytea, as hex
	KindJSON                        // json, jsonb
	KindDate                        // date
	KindTimestamp                   // timestamp without time zone
	KindTimestampTZ                 // timestamp with time zone
	KindInterval                    // interval, in IntervalStyle postgres
	KindHstore                      // the extension's type
	KindArray                       // Elem is set
	KindComposite                   // Fields is set
)

// Type is a data type of the source. It never changes once it is reached through a Table.
type Type struct {
	OID    uint32
	Schema string
	Name   string // as in pg_type.typname
	Kind   TypeKind
	Elem   *Type   // of an array
	Delim  byte    // between an array's elements; ',' but for box
	Fields []Field // of a composite
}

// String is the name, with its schema where that is not pg_catalog.
func (t *Type) String() string {
	if t.Schema == "" || t.Schema == "pg_catalog" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// Field is an attribute of a composite type.
type Field struct {
	Name string
	Type *Type
}

// SplitName splits the exact text of a configuration, "schema.table": the schema reaches up to the first dot.
func SplitName(s string) (schema, name string, ok bool) {
	schema, name, ok = strings.Cut(s, ".")
	return schema, name, ok && schema != "" && name != ""
}
