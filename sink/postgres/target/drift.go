package target

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// drift compares a table that is there with the source's shape.
type drift struct {
	*planned
	before  *entry // what both looked like last; nil: the table was there before us
	adds    bool   // Catalog.AddColumns
	upserts bool   // Catalog.Upserts
}

func (d *drift) compare() {
	if d.unsure() || d.shuffled() {
		return
	}
	for i := range d.table.Columns {
		c := &d.table.Columns[i]
		if f := d.column(c); f != nil {
			d.same(c, f)
		} else if !d.renamed(c) {
			d.lacks(c)
		}
	}
	d.surplus()
	d.key()
	d.identity()
	for i := range d.table.Computed {
		if c := &d.table.Computed[i]; d.adds && d.found.column(c.Name) == nil {
			d.try(d.addComputed(c))
		}
	}
}

// unsure sees columns of which the source cannot say which ones they are, while the target has columns of their names that may be
// others. A fix by names could drop values that are good; so older rows are compared with the source's.
func (d *drift) unsure() bool {
	if d.before == nil || d.before.New || !d.anyUnsure() {
		return false
	}
	var names []string
	for i := range d.table.Columns {
		c := &d.table.Columns[i]
		was := d.before.byName(c.Name)
		if was != nil && was.Number != 0 && was.Number != c.Number && d.found.column(c.Name) != nil {
			names = append(names, quote(c.Name))
		}
	}
	if len(names) == 0 {
		return false
	}
	d.person("columns of the source were dropped, added or renamed, and this row may be older or newer: whether "+
		strings.Join(names, ", ")+" of the target is the same column is not known",
		forget(d.before.Schema, d.before.Table)+";"+d.verify("then, when the pipeline is streaming and has caught up"))
	return true
}

func (d *drift) anyUnsure() bool {
	return slices.ContainsFunc(d.table.Columns, func(c capture.Column) bool { return c.Unsure })
}

// verify is the comment that says how older rows come to the source's values.
func (d *drift) verify(when string) string {
	return " -- " + when + ": tailrace verify -repair -table " + d.table.String() + " FILE"
}

// shuffled sees a name that stands for another column than before: one that was dropped and added again, or columns that
// have changed names with each other. The target cannot show whether somebody has followed, so its entry has to go.
func (d *drift) shuffled() bool {
	if d.before == nil {
		return false
	}
	var sql, reason string
	for i := range d.table.Columns {
		c := &d.table.Columns[i]
		was := d.before.byName(c.Name)
		if was == nil || was.Number == 0 || c.Number == 0 || was.Number == c.Number || d.found.column(c.Name) == nil {
			continue
		}
		if old := d.before.byNumber(c.Number); old != nil {
			reason += fmt.Sprintf("column %s is what was called %s; ", c.Name, old.Name)
			continue
		}
		reason += fmt.Sprintf("column %s was dropped and added again; ", c.Name)
		sql += "ALTER TABLE " + d.target + " DROP COLUMN " + quote(c.Name) + ";\n" + d.added(c) + ";" + d.hint(c) + "\n"
	}
	if reason == "" {
		return false
	}
	d.person(reason[:len(reason)-2], sql+d.renames()+forget(d.before.Schema, d.before.Table)+";")
	return true
}

// renames lets the target's columns follow the source's names, by names that nobody has in between.
func (d *drift) renames() string {
	var away, back string
	for i := range d.table.Columns {
		c := &d.table.Columns[i]
		was := d.before.byNumber(c.Number)
		if was == nil || was.Name == c.Name || d.found.column(was.Name) == nil {
			continue
		}
		between := fmt.Sprintf("tailrace_%d", c.Number)
		away += "ALTER TABLE " + d.target + " RENAME COLUMN " + quote(was.Name) + " TO " + quote(between) + ";\n"
		back += "ALTER TABLE " + d.target + " RENAME COLUMN " + quote(between) + " TO " + quote(c.Name) + ";\n"
	}
	return away + d.stale() + back
}

// stale drops what stands in the way of renames: columns that the source has dropped, whose names it uses again.
func (d *drift) stale() string {
	sql := ""
	for _, was := range d.before.Columns {
		now := d.table.Column(was.Name)
		gone := !slices.ContainsFunc(d.table.Columns, func(c capture.Column) bool { return c.Number == was.Number })
		if now >= 0 && gone && d.before.byNumber(d.table.Columns[now].Number) != nil {
			sql += "ALTER TABLE " + d.target + " DROP COLUMN " + quote(was.Name) + ";\n"
		}
	}
	return sql
}

// renamed sees a column that the target has under its former name.
func (d *drift) renamed(c *capture.Column) bool {
	if d.before == nil {
		return false
	}
	was := d.before.byNumber(c.Number)
	if was == nil || was.Name == c.Name || d.found.column(was.Name) == nil {
		return false
	}
	d.person(fmt.Sprintf("column %s is now called %s", was.Name, c.Name),
		"ALTER TABLE "+d.target+" RENAME COLUMN "+quote(was.Name)+" TO "+quote(c.Name))
	return true
}

// same compares a column that both have.
func (d *drift) same(c *capture.Column, f *foundColumn) {
	want := d.types.sql(c.Type, c.Modifier)
	alter := "ALTER TABLE " + d.target + " ALTER COLUMN " + quote(f.Name)
	switch {
	case f.Generated:
	case d.retyped(c, f, want):
		d.types.use(c.Type)
		fix := alter + " TYPE " + want + d.types.collate(c.Collation, "column "+c.Name+" of "+d.target) +
			" USING " + quote(c.Name) + "::" + want + "; -- or what the source's ALTER TABLE said after USING"
		if f.Full == want {
			fix = "-- let " + quote(c.Name) + " of the older rows be what the source has made of it, then:\n" +
				forget(d.before.Schema, d.before.Table) + ";"
		}
		d.person(fmt.Sprintf("column %s has become %s, and its values other ones", c.Name, want), fix)
	case f.Full == want:
		d.types.use(c.Type)
	case !d.holds(f.Full, c):
		d.types.use(c.Type)
		d.person(fmt.Sprintf("column %s is %s in the source and %s in the target", c.Name, want, f.Full),
			alter+" TYPE "+want+using(c.Name, f.Full, want))
	}
	if c.Nullable && c.Number != 0 && f.Required && !d.inPrimary(f.Name) { // without a number nobody knows
		d.add(fmt.Sprintf("column %s may be null in the source", c.Name), alter+" DROP NOT NULL")
	}
}

// holds says whether a column of the target takes every value of a column of the source. A domain's are those of its base.
func (d *drift) holds(target string, c *capture.Column) bool {
	if holds(target, d.types.sql(c.Type, c.Modifier)) {
		return true
	}
	for t := c.Type; t.Made != nil && t.Made.By == capture.MadeDomain; t = t.Made.Base {
		if holds(target, d.types.sql(t.Made.Base, t.Made.Modifier)) {
			return true
		}
	}
	return false
}

// inPrimary says whether a column is in the target's primary key, and so cannot be null.
func (d *drift) inPrimary(name string) bool {
	primary := d.found.primary()
	return primary != nil && slices.Contains(primary.Columns, name)
}

// retyped says whether the source has made other values of older rows, which it does not send, and nobody has done so
// here since.
func (d *drift) retyped(c *capture.Column, f *foundColumn, want string) bool {
	if d.before == nil || c.Unsure {
		return false
	}
	was := d.before.byName(c.Name)
	if was == nil || was.Type == want || keeps(was.Type, want) {
		return false
	}
	return f.Full != want || was.Target == f.Full
}

// using is the clause that ALTER TYPE needs where there is no cast by itself.
func using(column, from, to string) string {
	if keeps(from, to) {
		return ""
	}
	return " USING " + quote(column) + "::pg_catalog.text::" + to
}

// surplus looks at columns that the source has no more, or never had.
func (d *drift) surplus() {
	ours := d.ours()
	for i := range d.found.Columns {
		f := &d.found.Columns[i]
		if ours[f.Name] != nil || !f.Required || f.Default || f.Generated || d.follows(f) {
			continue
		}
		fix := "ALTER TABLE " + d.target + " ALTER COLUMN " + quote(f.Name) + " DROP NOT NULL;"
		if !d.anyUnsure() {
			fix += " -- or DROP COLUMN " + quote(f.Name) + ", where nobody needs the older values"
		}
		d.person(fmt.Sprintf("column %s of the target is NOT NULL, has no default, and the source does not have it", f.Name), fix)
	}
}

// follows says whether a column of the target is one that the source has renamed.
func (d *drift) follows(f *foundColumn) bool {
	if d.before == nil {
		return false
	}
	was := d.before.byName(f.Name)
	return was != nil && was.Number != 0 && slices.ContainsFunc(d.table.Columns, func(c capture.Column) bool {
		return c.Number == was.Number
	})
}

// ours are the source's columns by the names of the target's.
func (d *drift) ours() map[string]*capture.Column {
	all := map[string]*capture.Column{}
	for i := range d.table.Columns {
		if f := d.column(&d.table.Columns[i]); f != nil {
			all[f.Name] = &d.table.Columns[i]
		}
	}
	return all
}

// keyNames are the names of the key's columns in the target; false when it lacks one.
func (d *drift) keyNames() ([]string, bool) {
	var names []string
	for _, i := range d.table.Key {
		f := d.column(&d.table.Columns[i])
		if f == nil {
			return keyNames(d.table), false
		}
		names = append(names, f.Name)
	}
	return names, true
}

// key looks whether the key finds one row in the target, and whether another one stands in the way of rows.
func (d *drift) key() {
	names, whole := d.keyNames()
	primary, ours := d.found.primary(), d.ours()
	drop := ""
	if primary != nil && !sameNames(primary.Columns, names) && !slices.ContainsFunc(primary.Columns, func(n string) bool {
		return ours[n] == nil
	}) {
		drop = "DROP CONSTRAINT " + quote(primary.Name)
		for _, n := range primary.Columns {
			if ours[n].Nullable {
				drop += ", ALTER COLUMN " + quote(n) + " DROP NOT NULL"
			}
		}
	}
	lacks := len(names) > 0 && whole && d.found.unique(names, !d.upserts) == nil
	switch add := "ADD PRIMARY KEY (" + list(names) + ")" + deferrable(d.late); {
	case lacks && !d.keyRequired():
		d.person(fmt.Sprintf("the target has no unique index on the key (%s)", list(names)),
			d.addUnique(names))
	case lacks && primary != nil && drop == "":
		d.person(fmt.Sprintf("the target has no unique index on the key (%s)", list(names)),
			"ALTER TABLE "+d.target+" ADD UNIQUE ("+list(names)+")"+deferrable(d.late))
	case lacks && drop != "":
		d.person(fmt.Sprintf("the key is (%s) in the source and (%s) in the target", list(names), list(primary.Columns)),
			"ALTER TABLE "+d.target+" "+drop+", "+add)
	case lacks:
		d.person(fmt.Sprintf("the target has no unique index on the key (%s)", list(names)), "ALTER TABLE "+d.target+" "+add)
	case drop != "":
		d.person(fmt.Sprintf("the primary key (%s) of the target is none in the source", list(primary.Columns)),
			"ALTER TABLE "+d.target+" "+drop)
	}
}

// identity looks whether rows are found by an index, where it is not by the key. One is not made here: a table that is
// there may be large.
func (d *drift) identity() {
	var names []string
	for _, i := range otherIdentity(d.table) {
		f := d.column(&d.table.Columns[i])
		if f == nil {
			return
		}
		names = append(names, f.Name)
	}
	if len(names) == 0 || d.found.unique(names, !d.upserts) != nil {
		return
	}
	reason, sql := "the target has no unique index on the replica identity ("+list(names)+")", "CREATE UNIQUE INDEX ON "+d.target+" ("+list(names)+")"
	if d.upserts {
		d.person(reason, sql)
		return
	}
	d.note(reason + ", so that updates and deletes read all of it: " + sql + ";")
}

// addUnique is the SQL that makes a key unique some of whose columns can be null.
func (d *drift) addUnique(names []string) string {
	if d.late {
		return "ALTER TABLE " + d.target + " ADD UNIQUE (" + list(names) + ")" + deferrable(true)
	}
	return "CREATE UNIQUE INDEX ON " + d.target + " (" + list(names) + ")"
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
