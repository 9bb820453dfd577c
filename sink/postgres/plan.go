package postgres

import (
	"fmt"
	"slices"
	"strings"


	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// plan is how the changes of one shape of a source table are written: the target's relation and the statements, which
// are prepared when they are first used.
type plan struct {
	table   *capture.Table
	rel     *target.Relation
	name    string // in SQL
	key     []int  // the columns that find a row; empty: only the whole row does
	full    bool   // an old row is whole
	late    bool   // within a transaction several rows may have one key, so an old row is compared as a whole
	written []int  // the columns that an insert writes
	// cascades says that another table of the target is changed when a row is deleted here.
	cascades bool
	parted   bool              // it has partitions
	equals   map[string]string // the operators of columns whose equality is not in pg_catalog
	effects  [2]*tableFold     // in each of the two folds; nil: nothing is folded
	onKey    string            // what an insert does where the key is there already: "" for an error
	insert   *statement
	others   map[string]*statement // by what they set and compare
}

func newPlan(t *capture.Table, rel *target.Relation) *plan {
	p := &plan{
		table: t, rel: rel, name: pgconnect.Ident(rel.Schema, rel.Name), key: rel.Key, others: map[string]*statement{},
		equals: map[string]string{},
	}
	var identity []int
	for i := range t.Columns {
		if t.Columns[i].Identity {
			identity = append(identity, i)
		}
		if !rel.Columns[i].Generated {
			p.written = append(p.written, i)
		}
	}
	p.full = len(identity) == len(t.Columns)
	if !p.full && len(identity) > 0 {
		p.key = identity // an old row has these columns only, whatever the primary key is
	}
	p.late = p.full && len(p.key) > 0 && t.Exchanges(p.key)
	p.insert = &statement{sql: p.insertSQL()}
	return p
}

func (p *plan) column(i int) string { return pgconnect.Ident(p.rel.Columns[i].Name) }

// columns is a list of columns in SQL.
func (p *plan) columns(list []int) string {
	names := make([]string, len(list))
	for n, i := range list {
		names[n] = p.column(i)
	}
	return strings.Join(names, ", ")
}

// into is the head of an INSERT of a whole row.
func (p *plan) into() string {
	sql := "INSERT INTO " + p.name + " (" + p.columns(p.written) + ")"
	if slices.ContainsFunc(p.written, func(i int) bool { return p.rel.Columns[i].Identity }) {
		sql += " OVERRIDING SYSTEM VALUE"
	}
	return sql
}

func (p *plan) insertSQL() string {
	if len(p.written) == 0 {
		return "INSERT INTO " + p.name + " DEFAULT VALUES"
	}
	values := make([]string, len(p.written))
	for n, i := range p.written {
		values[n] = fmt.Sprintf("$%d::%s", n+1, p.rel.Columns[i].Type)
	}
	return p.into() + " VALUES (" + strings.Join(values, ", ") + ")"
}

// onKeySQL makes an insert an upsert.
func (p *plan) onKeySQL() string {
	var set []string
	for _, i := range p.written {
		if !slices.Contains(p.key, i) && !p.rel.Columns[i].Identity {
			set = append(set, p.column(i)+" = EXCLUDED."+p.column(i))
		}
	}
	if len(set) == 0 {
		return " ON CONFLICT (" + p.columns(p.key) + ") DO NOTHING"
	}
	return " ON CONFLICT (" + p.columns(p.key) + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// insertParams appends the parameters of insert.
func (p *plan) insertParams(dst [][]byte, row []capture.Value) [][]byte {
	for _, i := range p.written {
		dst = append(dst, text(row[i]))
	}
	return dst
}

// same compares a column with a parameter, or another expression of the column's type. Null equals null. Where the type's
// equality is not one that we know, the texts are compared, both as this server prints them.
func (p *plan) same(i int, to string) string {
	c := &p.rel.Columns[i]
	if c.Equal && !strings.Contains(c.Type, ".") {
		return fmt.Sprintf("t.%s IS NOT DISTINCT FROM %s::%s", p.column(i), to, c.Type)
	}
	return fmt.Sprintf("t.%s::pg_catalog.text IS NOT DISTINCT FROM (%s::%s)::pg_catalog.text", p.column(i), to, c.Type)
}

// is is the condition that a column has the value of parameter n, by an index where there is one.
func (p *plan) is(i, n int) string {
	return fmt.Sprintf("t.%s %s $%d::%s", p.column(i), p.equalTo(i), n, p.rel.Columns[i].Type)
}

// equalTo is the operator of a column's equality.
func (p *plan) equalTo(i int) string {
	if o := p.equals[p.rel.Columns[i].Name]; o != "" {
		return o
	}
	return "="
}

// What a statement does with a column.
const (
	sets     = 1 << iota // it gets a new value
	finds                // it is part of what finds the row
	compares             // the old value must be the one that is known
	single               // of several rows that are the same, and have the same key, it is any one
)

// usage is what a change does with each column of its table: the name of its statement. old has the key, before is the
// old row where it is known, after the new one. compare says that the row that is there is to be compared with before.
func (p *plan) usage(buf []byte, old, before, after []capture.Value, compare bool) []byte {
	buf = append(buf[:0], make([]byte, len(p.table.Columns))...)
	for _, i := range p.key {
		buf[i] |= finds
		if p.late && compare {
			buf[i] |= single
		}
	}
	for i := range buf {
		column := &p.rel.Columns[i]
		known := before != nil && given(before[i])
		if buf[i]&finds == 0 && known && !column.Generated && (len(p.key) == 0 || compare && p.full) {
			buf[i] |= compares
		}
		if after == nil || column.Generated || !given(after[i]) {
			continue
		}
		if inKey := buf[i]&finds != 0; inKey && !equal(old[i], after[i]) || !inKey && !column.Identity {
			buf[i] |= sets
		}
	}
	return buf
}

// folds says whether the changes of a key can be folded: it is one row's at every moment.
func (p *plan) folds() bool { return len(p.key) > 0 && !p.late }

// sameKey says whether two rows have one key.
func (p *plan) sameKey(a, b []capture.Value) bool {
	for _, i := range p.key {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// keyChanged says whether an update changes the key.
func (p *plan) keyChanged(c *capture.Change) bool {
	for _, i := range p.key {
		if c.Before != nil && given(c.After[i]) && !equal(c.Before[i], c.After[i]) {
			return true
		}
	}
	return false
}

// where is the condition that finds the row. Parameters follow those before: the key, then what is compared.
func (p *plan) where(usage []byte, params int) string {
	var conditions []string
	for i, u := range usage {
		if u&finds != 0 {
			params++
			conditions = append(conditions, p.is(i, params))
		}
	}
	for i, u := range usage {
		if u&compares != 0 {
			params++
			conditions = append(conditions, p.same(i, fmt.Sprintf("$%d", params)))
		}
	}
	where := strings.Join(append(conditions, "true"), " AND ")
	if len(p.key) > 0 && !slices.ContainsFunc(usage, func(u byte) bool { return u&single != 0 }) {
		return where
	}
	if p.parted {
		return "(tableoid, ctid) IN (SELECT t.tableoid, t.ctid FROM " + p.name + " t WHERE " + where + " LIMIT 1)"
	}
	return "ctid = (SELECT t.ctid FROM " + p.name + " t WHERE " + where + " LIMIT 1)" // rows may be there twice
}

// update is the statement of a usage, remove the one that deletes.
func (p *plan) update(usage []byte) *statement {
	return p.other('u', usage, func() string {
		var assignments []string
		for i, u := range usage {
			if u&sets != 0 {
				assignments = append(assignments, fmt.Sprintf("%s = $%d::%s", p.column(i), len(assignments)+1, p.rel.Columns[i].Type))
			}
		}
		n := len(assignments)
		if p.renumbers(usage) {
			return p.renumber(usage, n)
		}
		if n == 0 {
			return "SELECT FROM " + p.name + " t WHERE " + p.where(usage, 0) // nothing changes, but the row must be there
		}
		return "UPDATE " + p.name + " t SET " + strings.Join(assignments, ", ") + " WHERE " + p.where(usage, n)
	})
}

// renumbers says whether a usage sets an identity column, which no UPDATE may.
func (p *plan) renumbers(usage []byte) bool {
	for i, u := range usage {
		if u&sets != 0 && p.rel.Columns[i].Identity {
			return true
		}
	}
	return false
}

// renumber is an update that deletes the row and inserts it anew.
func (p *plan) renumber(usage []byte, params int) string {
	values, n := make([]string, len(p.written)), 0
	for k, i := range p.written {
		values[k] = "gone." + p.column(i)
		if usage[i]&sets != 0 {
			n++
			values[k] = fmt.Sprintf("$%d::%s", n, p.rel.Columns[i].Type)
		}
	}
	return "WITH gone AS (DELETE FROM " + p.name + " t WHERE " + p.where(usage, params) + " RETURNING t.*) " +
		p.into() + " SELECT " + strings.Join(values, ", ") + " FROM gone"
}

func (p *plan) remove(usage []byte) *statement {
	return p.other('d', usage, func() string { return "DELETE FROM " + p.name + " t WHERE " + p.where(usage, 0) })
}

func (p *plan) other(kind byte, usage []byte, sql func() string) *statement {
	name := string(append([]byte{kind}, usage...))
	s := p.others[name]
	if s == nil {
		s = &statement{sql: sql()}
		p.others[name] = s
	}
	return s
}

// params appends the parameters of an update or a delete.
func (p *plan) params(dst [][]byte, usage []byte, old, after []capture.Value) [][]byte {
	for i, u := range usage {
		if u&sets != 0 {
			dst = append(dst, text(after[i]))
		}
	}
	for _, want := range []byte{finds, compares} {
		for i, u := range usage {
			if u&want != 0 {
				dst = append(dst, text(old[i]))
			}
		}
	}
	return dst
}

// located finds columns of the target by their names; nil where a value is null or not known.
func (p *plan) located(names []string, row []capture.Value) (columns []int) {
	for _, name := range names {
		i := slices.IndexFunc(p.rel.Columns, func(c target.Column) bool { return c.Name == name })
		if i < 0 || row[i].Kind != capture.Text {
			return nil
		}
		columns = append(columns, i)
	}
	return columns
}

// have is the condition that a row has values of another one, with their parameters behind those that are there.
func (p *plan) have(columns []int, row []capture.Value, params [][]byte) (string, [][]byte) {
	conditions := []string{"true"}
	for _, i := range columns {
		if row[i].Kind == capture.Text {
			params = append(params, text(row[i]))
			conditions = append(conditions, p.is(i, len(params)))
		}
	}
	return strings.Join(conditions, " AND "), params
}
