package capture

import (
	"slices"
	"strings"
	"time"
)

// Table is one shape of a table. It never changes: a new shape is a new pointer, so what is compiled for a table can
// be kept in a map by pointer.
type Table struct {
	OID     uint32
	Schema  string
	Name    string
	Columns []Column // in the order of a row's values
	Key     []int    // indexes into Columns: the primary key of the catalogue, or what the file says; empty: no key
	// Deferrable are the columns of each primary key and unique constraint that the source checks only at the end of a statement
	// or a transaction: until then several rows may have the same values. It comes from the catalogue, which may be newer.
	Deferrable [][]string
	// Computed are generated columns that the stream does not carry although it carries every column that they depend on: Fill is
	// FillStored. There are none when the file lists columns.
	Computed []Column
}

// String returns "schema.name", or the prefix for a table that stands for messages.
func (t *Table) String() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// Column returns the index of a column, or -1.
func (t *Table) Column(name string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// Exchanges reports whether within a transaction several rows may temporarily have the same values in these columns.
func (t *Table) Exchanges(columns []int) bool {
	return slices.ContainsFunc(t.Deferrable, func(names []string) bool {
		return len(names) == len(columns) && !slices.ContainsFunc(columns, func(i int) bool { return !slices.Contains(names, t.Columns[i].Name) })
	})
}

// Column is a column of a Table.
type Column struct {
	Name     string
	Type     *Type
	Modifier int32 // Postgres' type modifier: -1 when there is none
	Key      bool  // part of the table's key
	Identity bool  // part of the replica identity: an old row carries it
	Nullable bool
	Inline   bool // its values are never stored out of line (TOAST), whatever their row's age, so an update always carries them

	// What comes from the catalogue and not from the stream. The number is that of the row's time, the rest may be newer.
	Number    int16  // pg_attribute.attnum, which outlives a rename; 0: not known
	Unsure    bool   // it may be any of several columns that the table has had: its number is unknown, and its name does not identify it
	Latest    int16  // the highest number that an unsure column may have
	Collation string // in SQL, qualified and quoted, when it is not the type's own
	Fill      Fill   // the value in rows that are older than the column
	Filled    string // its text, or the expression in SQL
}

// Fill is what a column contains in rows that existed before it was added. No change carries that.
type Fill uint8

// The ways to fill a column.
const (
	FillNull    Fill = iota // NULL, which the server does not record: there is neither a default nor NOT NULL
	FillValue               // Column.Filled, once evaluated for all of them
	FillStored              // each row by the expression in Column.Filled, over its other columns: GENERATED ALWAYS AS
	FillUnknown             // each row has its own, or the server no longer knows it
)

// TypeKind is the format of a value's text; it determines the form of the value in JSON.
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
	Elem   *Type     // of an array
	Delim  byte      // between an array's elements; ',' but for box
	Fields []Field   // of a composite
	User   *UserType // how a user created it; nil: it is built in, or an array, or was dropped meanwhile
}

// UserType is the definition of a type that a user has created: what CREATE TYPE or CREATE DOMAIN needs in addition to
// Fields.
type UserType struct {
	Kind      UserTypeKind
	Read      time.Time // by the server's clock: a transaction that committed before is contained in the definition; zero: not known
	Extension string    // that creates it; "": none does
	Labels    []string  // of an enum, in order
	Numbers   []uint32  // of the labels: pg_enum.oid, which outlives a rename; nil: not known
	Base      *Type     // of a domain; the subtype of a range; the range of a multirange
	Modifier  int32     // of a domain's base
	Collation string    // of a domain or a range, as in Column
	Required  bool      // of a domain: NOT NULL
	Checks    []string  // of a domain: CHECK (...) in SQL, those that all its values have passed
	Operators string    // of a range: the operator class in SQL, qualified and quoted, when it is not the subtype's default
	Multi     string    // of a range: the name of its multirange
}

// UserTypeKind is the statement that creates a type, as in pg_type.typtype.
type UserTypeKind byte

// The kinds of types that a user creates.
const (
	UserBase       UserTypeKind = 'b' // with functions in C: it cannot be created from its definition
	UserComposite  UserTypeKind = 'c'
	UserDomain     UserTypeKind = 'd'
	UserEnum       UserTypeKind = 'e'
	UserMultirange UserTypeKind = 'm'
	UserRange      UserTypeKind = 'r'
)

// String returns the name, with its schema unless that is pg_catalog.
func (t *Type) String() string {
	if t.Schema == "" || t.Schema == "pg_catalog" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// Field is an attribute of a composite type.
type Field struct {
	Number    int16 // pg_attribute.attnum, which outlives a rename; 0: not known
	Name      string
	Type      *Type
	Modifier  int32
	Collation string // as in Column
}

// SplitName splits the exact text of a configuration, "schema.table": the schema reaches up to the first dot.
func SplitName(s string) (schema, name string, ok bool) {
	schema, name, ok = strings.Cut(s, ".")
	return schema, name, ok && schema != "" && name != ""
}
