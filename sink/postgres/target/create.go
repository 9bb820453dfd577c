package target

import (
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// create creates the table. It leaves out defaults, sequences and checks, because every row arrives complete. A generated column
// that the stream carries is a plain column in the target; one that it does not carry is generated there too, where the target
// supports it.
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
			items = append(items, "PRIMARY KEY "+key+deferrableClause(p.deferrable))
		case p.deferrable:
			items = append(items, "UNIQUE "+key+deferrableClause(true))
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

// otherIdentity returns the columns of a replica identity that is neither the key nor the whole row (USING INDEX). Updates and
// deletes find their rows by these columns. In the source they are NOT NULL and unique.
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

// deferrableClause returns the clause that defers the check of a key to the end of a transaction. The check is always initially
// deferred: a source transaction may have deferred the constraint whatever its initial mode.
func deferrableClause(deferrable bool) string {
	if deferrable {
		return " DEFERRABLE INITIALLY DEFERRED"
	}
	return ""
}

// definition returns a column's name, type and collation as SQL.
func (p *planned) definition(c *capture.Column) string {
	return quote(c.Name) + " " + p.types.sql(c.Type, c.Modifier) + p.types.collate(c.Collation, "column "+c.Name+" of "+p.target)
}

// keyRequired reports whether no column of the key can be null. The `key` in the configuration file may name columns that can.
func (p *planned) keyRequired() bool {
	for _, i := range p.table.Key {
		if p.table.Columns[i].Nullable {
			return false
		}
	}
	return true
}
