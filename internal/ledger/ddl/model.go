package ddl

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// column is the generator's model of a column.
type column struct {
	name     string
	typ      string // as SQL
	required bool   // NOT NULL
	filled   bool   // it has a default, or is generated
	computed bool   // generated: no row gives a value
	fixed    bool   // in the key, or needed by a generated column: never dropped or retyped
}

// table is the generator's model of a table.
type table struct {
	name    string
	columns []column // the first is the key, id; keyless tables have none
	keyless bool     // REPLICA IDENTITY FULL
	leaves  []leaf   // of a partitioned table, each with 100 ids
	key     string   // the primary key's constraint; "" if its name is not known
	quiet   bool     // no row is written during a round
}

type leaf struct {
	name string
	slot int // its ids begin at 100*slot
}

// model is the source's schema, with the random numbers that change it.
type model struct {
	*rand.Rand
	tables []*table
	labels []string // of the enum mood
	fields []column // of the composite type addr
	names  int      // assigned so far
	leaves int      // slots of partitions assigned so far
}

// name returns a new name.
func (m *model) name(prefix string) string {
	m.names++
	return fmt.Sprintf("%s%d", prefix, m.names)
}

// one picks an element.
func one[T any](m *model, list []T) T { return list[m.IntN(len(list))] }

// setup creates the tables and their first rows.
func (m *model) setup() []string {
	m.labels = []string{"sad", "ok", "glad"}
	m.fields = []column{{name: "street", typ: "text"}, {name: "nr", typ: "int"}}
	sql := []string{"CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad')", "CREATE TYPE addr AS (street text, nr int)"}
	for i, name := range []string{"orders", "items", "log", "parts"} {
		t := &table{name: name, keyless: name == "log", quiet: m.IntN(3) == 0}
		id := column{name: "id", typ: "int", required: true, fixed: true}
		t.columns = append(t.columns, id)
		for range 2 + m.IntN(3) {
			t.columns = append(t.columns, column{name: m.name("c"), typ: m.typ()})
		}
		m.tables = append(m.tables, t)
		sql = append(sql, m.create(t, i == 3)...)
		for range 1 + m.IntN(3) {
			sql = append(sql, m.insert(t))
		}
	}
	return sql
}

// create creates a table, either plain or partitioned with two leaves.
func (m *model) create(t *table, partitioned bool) []string {
	sql := []string{"CREATE TABLE " + t.name + " (" + m.definitions(t) + ")"}
	if partitioned {
		sql[0] += " PARTITION BY RANGE (id)"
		sql = append(sql, m.partition(t), m.partition(t))
	}
	if t.keyless {
		sql = append(sql, "ALTER TABLE "+t.name+" REPLICA IDENTITY FULL")
	}
	return sql
}

// partition adds an empty leaf.
func (m *model) partition(t *table) string {
	l := m.leaf(t)
	return "CREATE TABLE " + l.name + " PARTITION OF " + t.name + l.bounds()
}

func (m *model) leaf(t *table) leaf {
	l := leaf{name: m.name("leaf"), slot: m.leaves}
	m.leaves++
	t.leaves = append(t.leaves, l)
	return l
}

func (l leaf) bounds() string {
	return fmt.Sprintf(" FOR VALUES FROM (%d) TO (%d)", l.slot*100, l.slot*100+100)
}

// types returns the types that a new column may have.
var types = []string{"int", "bigint", "smallint", "text", "varchar(20)", "numeric(10,2)", "boolean", "timestamptz", "jsonb", "mood", "addr", "int[]", "date"}

func (m *model) typ() string { return one(m, types) }

// plain returns a type whose values can be a default: Postgres stores a default of a composite type as a row of the type's
// former shape.
func (m *model) plain() string {
	for {
		if typ := m.typ(); typ != "addr" {
			return typ
		}
	}
}

// value returns an expression of a type. A label added in the same transaction cannot be used, so the kinds of DDL for enums
// are transactions of their own.
func (m *model) value(typ string) string {
	n := m.IntN(1000)
	switch {
	case typ == "int" || typ == "bigint" || typ == "smallint":
		return fmt.Sprint(n)
	case typ == "text" || strings.HasPrefix(typ, "varchar"):
		return fmt.Sprintf("'v%d'", n)
	case strings.HasPrefix(typ, "numeric"):
		return fmt.Sprintf("%d.%02d", n, m.IntN(100))
	case typ == "boolean":
		return fmt.Sprint(n%2 == 0)
	case typ == "timestamptz":
		return fmt.Sprintf("'2026-01-01 00:00Z'::timestamptz + '%d min'::interval", n)
	case typ == "date":
		return fmt.Sprintf("'2026-01-01'::date + %d", n)
	case typ == "jsonb":
		return fmt.Sprintf(`'{"n": %d}'`, n)
	case typ == "mood":
		return "'" + one(m, m.labels) + "'"
	case typ == "int[]":
		return fmt.Sprintf("'{%d,%d}'", n, n+1)
	case typ == "addr":
		var all []string
		for _, f := range m.fields {
			all = append(all, m.value(f.typ))
		}
		return "ROW(" + strings.Join(all, ", ") + ")"
	}
	panic("no values of type " + typ)
}

// column picks a column that may be dropped or retyped; nil if there is none.
func (m *model) column(t *table, fits func(*column) bool) *column {
	var all []*column
	for i := range t.columns {
		if c := &t.columns[i]; !c.fixed && !c.computed && (fits == nil || fits(c)) {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return one(m, all)
}

// drop removes a column from the model.
func (t *table) drop(name string) {
	t.columns = slices.DeleteFunc(t.columns, func(c column) bool { return c.name == name })
}
