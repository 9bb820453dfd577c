package target

import (
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// create makes the table. Defaults, sequences and checks stay with the source: every row comes whole. A generated column
// that the stream carries is a plain one here; one that it does not is generated here too, where the target can.
func (p *planned) create() {
	var items []string
	for i := range p.table.Columns {
		c := &p.table.Columns[i]
		p.types.use(c.Type)
		items = append(items, p.definition(c)+notNull(!c.Nullable))
	}
	unique := ""
	identity := otherIdentity(p.table)
	if len(p.table.Key) > 0 {
		key := "(" + list(keyNames(p.table)) + ")"
		switch {
		case p.keyRequired():
			items = append(items, "PRIMARY KEY "+key+deferrable(p.late))
		case p.late:
			items = append(items, "UNIQUE "+key+deferrable(true))
		default:
			unique = "CREATE UNIQUE INDEX ON " + p.target + " " + key
		}
	}
	p.do("CREATE TABLE " + p.target + " (" + strings.Join(items, ", ") + ")")
	if unique != "" {
		p.do(unique)
	}
	if len(identity) > 0 {
		var names []string
		for _, i := range identity {
			names = append(names, p.table.Columns[i].Name)
		}
		p.do("CREATE UNIQUE INDEX ON " + p.target + " (" + list(names) + ")")
	}
	for i := range p.table.Computed {
		p.try(p.addComputed(&p.table.Computed[i]))
	}
}

// otherIdentity are the columns of a replica identity that is neither the key nor the whole row (USING INDEX): updates and
// deletes find their rows by it. None of them is null in the source, and no two rows have the same values.
func otherIdentity(t *capture.Table) []int {
	var columns []int
	for i := range t.Columns {
		if t.Columns[i].Identity {
			columns = append(columns, i)
		}
	}
	if len(columns) == len(t.Columns) || slices.Equal(columns, slices.Sorted(slices.Values(t.Key))) {
		return nil
	}
	return columns
}

// deferrable lets a key be checked at the end of a transaction: whatever the source begins with, a transaction of it may
// have deferred it.
func deferrable(late bool) string {
	if late {
		return " DEFERRABLE INITIALLY DEFERRED"
	}
	return ""
}

// definition is a column's name, type and collation as SQL.
func (p *planned) definition(c *capture.Column) string {
	return quote(c.Name) + " " + p.types.sql(c.Type, c.Modifier) + p.types.collate(c.Collation, "column "+c.Name+" of "+p.target)
}

// keyRequired says whether no column of the key can be null. The file's `key` may name others.
func (p *planned) keyRequired() bool {
	for _, i := range p.table.Key {
		if p.table.Columns[i].Nullable {
			return false
		}
	}
	return true
}

// addComputed adds a generated column that the stream does not carry. What is virtual in the source is stored here:
// older servers know no other, and it reads the same.
func (p *planned) addComputed(c *capture.Column) string {
	return "ALTER TABLE " + p.target + " ADD COLUMN " + p.definition(c) + " GENERATED ALWAYS AS (" + c.Filled + ") STORED"
}
