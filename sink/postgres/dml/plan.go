// Package dml writes rows into a target: the statements for one table (Plan), the net effect of many changes (Effects), and
// sending statements in few round trips (Pipeline). Inspect and ReadConstraint read what the statements need of the target.
package dml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// Plan describes how the changes of one shape of a source table are written: the target's relation and the statements, which
// are prepared when they are first used.
type Plan struct {
	Table        *capture.Table
	Rel          *target.Relation
	Name         string // qualified and quoted
	Key          []int  // the columns that identify a row; empty: the row is found by all its columns
	FullIdentity bool   // the source sends the complete old row (REPLICA IDENTITY FULL)
	Deferrable   bool   // the key's constraint is deferrable: several rows may share a key within a transaction, so old rows are compared completely
	Written      []int  // the columns that an INSERT writes
	// cascades is set when a delete here changes other tables of the target.
	cascades    bool
	partitioned bool              // the target is a partitioned table
	operators   map[string]string // by column, the equality operators that are not in pg_catalog
	effects     [2]*TableEffects  // by slot of Effects; nil: there are none
	OnConflict  string            // the ON CONFLICT clause of an INSERT; "" for an error
	Insert      *Statement
	Statements  map[string]*Statement // by kind and usage
}

// NewPlan returns the plan of a source table whose target is rel.
func NewPlan(t *capture.Table, rel *target.Relation) *Plan {
	p := &Plan{
		Table: t, Rel: rel, Name: pgconnect.Ident(rel.Schema, rel.Name), Key: rel.Key, Statements: map[string]*Statement{},
		operators: map[string]string{},
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
		p.Key = identity // an old row has only these columns, whatever the primary key is
	}
	p.Deferrable = p.FullIdentity && len(p.Key) > 0 && t.Exchanges(p.Key)
	p.Insert = &Statement{SQL: p.insertSQL()}
	return p
}

// Column returns the quoted name of a column.
func (p *Plan) Column(i int) string { return pgconnect.Ident(p.Rel.Columns[i].Name) }

// Columns returns the quoted names of columns, with commas between them.
func (p *Plan) Columns(list []int) string {
	names := make([]string, len(list))
	for n, i := range list {
		names[n] = p.Column(i)
	}
	return strings.Join(names, ", ")
}

// into returns the head of an INSERT of a complete row.
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

// OnConflictSQL returns the clause that turns an INSERT into an upsert.
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

// InsertParams appends the parameters of Insert.
func (p *Plan) InsertParams(dst [][]byte, row []capture.Value) [][]byte {
	for _, i := range p.Written {
		dst = append(dst, Param(row[i]))
	}
	return dst
}

// sameAs returns the condition that a column is not distinct from an expression, such as a parameter. Where the equality of the
// type is not known to be exact, the texts are compared, both as this server prints them.
func (p *Plan) sameAs(i int, to string) string {
	c := &p.Rel.Columns[i]
	if c.Equal && !strings.Contains(c.Type, ".") {
		return fmt.Sprintf("t.%s IS NOT DISTINCT FROM %s::%s", p.Column(i), to, c.Type)
	}
	return fmt.Sprintf("t.%s::pg_catalog.text IS NOT DISTINCT FROM (%s::%s)::pg_catalog.text", p.Column(i), to, c.Type)
}

// Equals returns the condition that a column equals parameter n, in a form that can use an index.
func (p *Plan) Equals(i, n int) string {
	return fmt.Sprintf("t.%s %s $%d::%s", p.Column(i), p.operator(i), n, p.Rel.Columns[i].Type)
}

// operator returns the equality operator of a column.
func (p *Plan) operator(i int) string {
	if o := p.operators[p.Rel.Columns[i].Name]; o != "" {
		return o
	}
	return "="
}

// What a statement does with a column.
const (
	Sets     = 1 << iota // it is set to a new value
	Finds                // it is part of the key that finds the row
	Compares             // its old value must be the known one
	single               // of several equal rows with one key, any one is meant
)

// Usage returns what a change does with each column of its table, which selects its statement. old has the key, before is the old
// row where it is known, after the new row. With compare, the target's row must equal before.
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

// Foldable reports whether the changes to a key can be combined: at every moment at most one row has the key.
func (p *Plan) Foldable() bool { return len(p.Key) > 0 && !p.Deferrable }

// sameKey reports whether two rows have the same key.
func (p *Plan) sameKey(a, b []capture.Value) bool {
	for _, i := range p.Key {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// KeyChanged reports whether an update changes the key.
func (p *Plan) KeyChanged(c *capture.Change) bool {
	for _, i := range p.Key {
		if c.Before != nil && Given(c.After[i]) && !equal(c.Before[i], c.After[i]) {
			return true
		}
	}
	return false
}

// where returns the condition that finds the row. Its parameters follow the first params: the key, then the compared columns.
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
	if p.partitioned {
		return "(tableoid, ctid) IN (SELECT t.tableoid, t.ctid FROM " + p.Name + " t WHERE " + where + " LIMIT 1)"
	}
	return "ctid = (SELECT t.ctid FROM " + p.Name + " t WHERE " + where + " LIMIT 1)" // several rows may be equal
}

// Update returns the statement that updates a row by usage.
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
			return "SELECT FROM " + p.Name + " t WHERE " + p.where(usage, 0) // nothing changes, but the row must exist
		}
		return "UPDATE " + p.Name + " t SET " + strings.Join(assignments, ", ") + " WHERE " + p.where(usage, n)
	})
}

// renumbers reports whether a usage sets an identity column, which no UPDATE may.
func (p *Plan) renumbers(usage []byte) bool {
	for i, u := range usage {
		if u&Sets != 0 && p.Rel.Columns[i].Identity {
			return true
		}
	}
	return false
}

// renumber returns an update that deletes the row and inserts it again.
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

// Delete returns the statement that deletes a row by usage.
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

// Params appends the parameters of Update or Delete.
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

// locate returns the indexes of columns of the target; nil when one of their values in row is null or unknown.
func (p *Plan) locate(names []string, row []capture.Value) (columns []int) {
	for _, name := range names {
		i := slices.IndexFunc(p.Rel.Columns, func(c target.Column) bool { return c.Name == name })
		if i < 0 || row[i].Kind != capture.Text {
			return nil
		}
		columns = append(columns, i)
	}
	return columns
}

// hasValues returns the condition that a row has the values that columns have in row, and appends its parameters.
func (p *Plan) hasValues(columns []int, row []capture.Value, params [][]byte) (string, [][]byte) {
	conditions := []string{"true"}
	for _, i := range columns {
		if row[i].Kind == capture.Text {
			params = append(params, Param(row[i]))
			conditions = append(conditions, p.Equals(i, len(params)))
		}
	}
	return strings.Join(conditions, " AND "), params
}
