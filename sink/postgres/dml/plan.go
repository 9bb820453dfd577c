package dml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// Plan is how the changes of one shape of a source table are written: the target's relation and the statements, which
// are prepared when they are first used.
type Plan struct {
	Table        *capture.Table
	Rel          *target.Relation
	Name         string // in SQL
	Key          []int  // the columns that find a row; empty: only the whole row does
	FullIdentity bool   // an old row is whole
	Deferrable   bool   // within a transaction several rows may have one key, so an old row is compared as a whole
	Written      []int  // the columns that an insert writes
	// Cascades says that another table of the target is changed when a row is deleted here.
	Cascades    bool
	Partitioned bool              // it has partitions
	Operators   map[string]string // the operators of columns whose equality is not in pg_catalog
	effects     [2]*TableEffects  // in each of the two folds; nil: nothing is folded
	OnConflict  string            // what an insert does where the key is there already: "" for an error
	Insert      *Statement
	Statements  map[string]*Statement // by what they set and compare
}

func NewPlan(t *capture.Table, rel *target.Relation) *Plan {
	p := &Plan{
		Table: t, Rel: rel, Name: pgconnect.Ident(rel.Schema, rel.Name), Key: rel.Key, Statements: map[string]*Statement{},
		Operators: map[string]string{},
	}
	var identity []int
	for i := range t.Columns {
		if t.Columns[i].Identity {
			identity = append(identity, i)
		}
		if !rel.Columns[i].Generated {
			p.Written = append(p.Written, i)
		}
	}
	p.FullIdentity = len(identity) == len(t.Columns)
	if !p.FullIdentity && len(identity) > 0 {
		p.Key = identity // an old row has these columns only, whatever the primary key is
	}
	p.Deferrable = p.FullIdentity && len(p.Key) > 0 && t.Exchanges(p.Key)
	p.Insert = &Statement{SQL: p.insertSQL()}
	return p
}

func (p *Plan) Column(i int) string { return pgconnect.Ident(p.Rel.Columns[i].Name) }

// Columns is a list of columns in SQL.
func (p *Plan) Columns(list []int) string {
	names := make([]string, len(list))
	for n, i := range list {
		names[n] = p.Column(i)
	}
	return strings.Join(names, ", ")
}

// into is the head of an INSERT of a whole row.
func (p *Plan) into() string {
	sql := "INSERT INTO " + p.Name + " (" + p.Columns(p.Written) + ")"
	if slices.ContainsFunc(p.Written, func(i int) bool { return p.Rel.Columns[i].Identity }) {
		sql += " OVERRIDING SYSTEM VALUE"
	}
	return sql
}

func (p *Plan) insertSQL() string {
	if len(p.Written) == 0 {
		return "INSERT INTO " + p.Name + " DEFAULT VALUES"
	}
	values := make([]string, len(p.Written))
	for n, i := range p.Written {
		values[n] = fmt.Sprintf("$%d::%s", n+1, p.Rel.Columns[i].Type)
	}
	return p.into() + " VALUES (" + strings.Join(values, ", ") + ")"
}

// OnConflictSQL makes an insert an upsert.
func (p *Plan) OnConflictSQL() string {
	var set []string
	for _, i := range p.Written {
		if !slices.Contains(p.Key, i) && !p.Rel.Columns[i].Identity {
			set = append(set, p.Column(i)+" = EXCLUDED."+p.Column(i))
		}
	}
	if len(set) == 0 {
		return " ON CONFLICT (" + p.Columns(p.Key) + ") DO NOTHING"
	}
	return " ON CONFLICT (" + p.Columns(p.Key) + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// InsertParams appends the parameters of insert.
func (p *Plan) InsertParams(dst [][]byte, row []capture.Value) [][]byte {
	for _, i := range p.Written {
		dst = append(dst, Param(row[i]))
	}
	return dst
}

// sameAs compares a column with a parameter, or another expression of the column's type. Null equals null. Where the type's
// equality is not one that we know, the texts are compared, both as this server prints them.
func (p *Plan) sameAs(i int, to string) string {
	c := &p.Rel.Columns[i]
	if c.Equal && !strings.Contains(c.Type, ".") {
		return fmt.Sprintf("t.%s IS NOT DISTINCT FROM %s::%s", p.Column(i), to, c.Type)
	}
	return fmt.Sprintf("t.%s::pg_catalog.text IS NOT DISTINCT FROM (%s::%s)::pg_catalog.text", p.Column(i), to, c.Type)
}

// Equals is the condition that a column has the value of parameter n, by an index where there is one.
func (p *Plan) Equals(i, n int) string {
	return fmt.Sprintf("t.%s %s $%d::%s", p.Column(i), p.Operator(i), n, p.Rel.Columns[i].Type)
}

// Operator is the operator of a column's equality.
func (p *Plan) Operator(i int) string {
	if o := p.Operators[p.Rel.Columns[i].Name]; o != "" {
		return o
	}
	return "="
}

// What a statement does with a column.
const (
	Sets     = 1 << iota // it gets a new value
	Finds                // it is part of what finds the row
	Compares             // the old value must be the one that is known
	single               // of several rows that are the same, and have the same key, it is any one
)

// Usage is what a change does with each column of its table: the name of its statement. old has the key, before is the
// old row where it is known, after the new one. compare says that the row that is there is to be compared with before.
func (p *Plan) Usage(buf []byte, old, before, after []capture.Value, compare bool) []byte {
	buf = append(buf[:0], make([]byte, len(p.Table.Columns))...)
	for _, i := range p.Key {
		buf[i] |= Finds
		if p.Deferrable && compare {
			buf[i] |= single
		}
	}
	for i := range buf {
		column := &p.Rel.Columns[i]
		known := before != nil && Given(before[i])
		if buf[i]&Finds == 0 && known && !column.Generated && (len(p.Key) == 0 || compare && p.FullIdentity) {
			buf[i] |= Compares
		}
		if after == nil || column.Generated || !Given(after[i]) {
			continue
		}
		if inKey := buf[i]&Finds != 0; inKey && !equal(old[i], after[i]) || !inKey && !column.Identity {
			buf[i] |= Sets
		}
	}
	return buf
}

// Foldable says whether the changes of a key can be folded: it is one row's at every moment.
func (p *Plan) Foldable() bool { return len(p.Key) > 0 && !p.Deferrable }

// sameKey says whether two rows have one key.
func (p *Plan) sameKey(a, b []capture.Value) bool {
	for _, i := range p.Key {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// KeyChanged says whether an update changes the key.
func (p *Plan) KeyChanged(c *capture.Change) bool {
	for _, i := range p.Key {
		if c.Before != nil && Given(c.After[i]) && !equal(c.Before[i], c.After[i]) {
			return true
		}
	}
	return false
}

// where is the condition that finds the row. Parameters follow those before: the key, then what is compared.
func (p *Plan) where(usage []byte, params int) string {
	var conditions []string
	for i, u := range usage {
		if u&Finds != 0 {
			params++
			conditions = append(conditions, p.Equals(i, params))
		}
	}
	for i, u := range usage {
		if u&Compares != 0 {
			params++
			conditions = append(conditions, p.sameAs(i, fmt.Sprintf("$%d", params)))
		}
	}
	where := strings.Join(append(conditions, "true"), " AND ")
	if len(p.Key) > 0 && !slices.ContainsFunc(usage, func(u byte) bool { return u&single != 0 }) {
		return where
	}
	if p.Partitioned {
		return "(tableoid, ctid) IN (SELECT t.tableoid, t.ctid FROM " + p.Name + " t WHERE " + where + " LIMIT 1)"
	}
	return "ctid = (SELECT t.ctid FROM " + p.Name + " t WHERE " + where + " LIMIT 1)" // rows may be there twice
}

// Update is the statement of a usage, remove the one that deletes.
func (p *Plan) Update(usage []byte) *Statement {
	return p.statement('u', usage, func() string {
		var assignments []string
		for i, u := range usage {
			if u&Sets != 0 {
				assignments = append(assignments, fmt.Sprintf("%s = $%d::%s", p.Column(i), len(assignments)+1, p.Rel.Columns[i].Type))
			}
		}
		n := len(assignments)
		if p.renumbers(usage) {
			return p.renumber(usage, n)
		}
		if n == 0 {
			return "SELECT FROM " + p.Name + " t WHERE " + p.where(usage, 0) // nothing changes, but the row must be there
		}
		return "UPDATE " + p.Name + " t SET " + strings.Join(assignments, ", ") + " WHERE " + p.where(usage, n)
	})
}

// renumbers says whether a usage sets an identity column, which no UPDATE may.
func (p *Plan) renumbers(usage []byte) bool {
	for i, u := range usage {
		if u&Sets != 0 && p.Rel.Columns[i].Identity {
			return true
		}
	}
	return false
}

// renumber is an update that deletes the row and inserts it anew.
func (p *Plan) renumber(usage []byte, params int) string {
	values, n := make([]string, len(p.Written)), 0
	for k, i := range p.Written {
		values[k] = "gone." + p.Column(i)
		if usage[i]&Sets != 0 {
			n++
			values[k] = fmt.Sprintf("$%d::%s", n, p.Rel.Columns[i].Type)
		}
	}
	return "WITH gone AS (DELETE FROM " + p.Name + " t WHERE " + p.where(usage, params) + " RETURNING t.*) " +
		p.into() + " SELECT " + strings.Join(values, ", ") + " FROM gone"
}

func (p *Plan) Delete(usage []byte) *Statement {
	return p.statement('d', usage, func() string { return "DELETE FROM " + p.Name + " t WHERE " + p.where(usage, 0) })
}

func (p *Plan) statement(kind byte, usage []byte, sql func() string) *Statement {
	name := string(append([]byte{kind}, usage...))
	s := p.Statements[name]
	if s == nil {
		s = &Statement{SQL: sql()}
		p.Statements[name] = s
	}
	return s
}

// Params appends the parameters of an update or a delete.
func (p *Plan) Params(dst [][]byte, usage []byte, old, after []capture.Value) [][]byte {
	for i, u := range usage {
		if u&Sets != 0 {
			dst = append(dst, Param(after[i]))
		}
	}
	for _, want := range []byte{Finds, Compares} {
		for i, u := range usage {
			if u&want != 0 {
				dst = append(dst, Param(old[i]))
			}
		}
	}
	return dst
}

// Locate finds columns of the target by their names; nil where a value is null or not known.
func (p *Plan) Locate(names []string, row []capture.Value) (columns []int) {
	for _, name := range names {
		i := slices.IndexFunc(p.Rel.Columns, func(c target.Column) bool { return c.Name == name })
		if i < 0 || row[i].Kind != capture.Text {
			return nil
		}
		columns = append(columns, i)
	}
	return columns
}

// HasValues is the condition that a row has values of another one, with their parameters behind those that are there.
func (p *Plan) HasValues(columns []int, row []capture.Value, params [][]byte) (string, [][]byte) {
	conditions := []string{"true"}
	for _, i := range columns {
		if row[i].Kind == capture.Text {
			params = append(params, Param(row[i]))
			conditions = append(conditions, p.Equals(i, len(params)))
		}
	}
	return strings.Join(conditions, " AND "), params
}
