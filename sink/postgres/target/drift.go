package target

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// drift compares an existing table with the source's shape.
type drift struct {
	*planned
	before  *entry // the recorded shapes of both; nil: the table existed before the sink first used it
	adds    bool   // Catalog.AddColumns
	moved   []renaming
	casts   map[int16]cast // of target columns, by number, whose values have to become those of another type
	upserts bool           // Catalog.Upserts
}

func (d *drift) compare() {
	if d.unsure() {
		return
	}
	d.rename()
	for i := range d.table.Columns {
		c := &d.table.Columns[i]
		if f := d.column(c); f != nil {
			d.same(c, f)
		} else if d.own(c) == nil {
			d.lacks(c)
		}
	}
	d.surplus()
	d.key()
	d.identity()
	d.compareComputed()
}

// unsure handles columns that the source cannot identify while the target has columns with the same names that may be different
// ones. A fix by name could drop valid values, so the fix compares older rows with the source's. It reports whether it found any.
func (d *drift) unsure() bool {
	names := d.unsureNames()
	if len(names) == 0 {
		return false
	}
	d.addManual("columns of the source were dropped, added or renamed, and this row may be older or newer: whether "+
		strings.Join(names, ", ")+" of the target is the same column is not known",
		forgetNumbers(d.before.Schema, d.before.Table, d.latest())+";"+d.verify(caughtUp))
	return true
}

// latest returns the highest number that a column of the source's shape has or may have.
func (d *drift) latest() (n int16) {
	for i := range d.table.Columns {
		n = max(n, d.table.Columns[i].Number, d.table.Columns[i].Latest)
	}
	return n
}

// unsureNames returns the names of such columns, quoted.
func (d *drift) unsureNames() (names []string) {
	if d.before == nil || d.before.New || d.before.byNames() || !d.anyUnsure() {
		return nil
	}
	for i := range d.table.Columns {
		c := &d.table.Columns[i]
		was := d.before.byName(c.Name)
		if was != nil && was.maybe(c) && d.found.column(c.Name) != nil {
			names = append(names, quote(c.Name))
		}
	}
	return names
}

func (d *drift) anyUnsure() bool {
	return slices.ContainsFunc(d.table.Columns, func(c capture.Column) bool { return c.Unsure })
}

// verify returns the SQL comment that tells how to bring older rows to the source's values.
func (d *drift) verify(when string) string {
	return " -- " + when + ": " + verifyTable(d.table.String())
}

// verifyTable returns the command that brings the rows of a source table to the source's values.
func verifyTable(name string) string {
	return "tailrace verify -repair -table " + capture.ShellWord(name) + " FILE"
}

// surplus checks columns that the source has dropped or never had. One that it has dropped has to accept NULL from now on.
func (d *drift) surplus() {
	ours := d.ours()
	for i := range d.found.Columns {
		f := &d.found.Columns[i]
		if ours[f.Name] != nil || !f.Required || f.Default || f.Generated || d.holder(f) != nil {
			continue
		}
		name := d.finally(f)
		sql := "ALTER TABLE " + d.target + " "
		if d.inPrimary(f.Name) {
			sql += "DROP CONSTRAINT " + quote(d.found.primary().Name) + ", "
		}
		sql += "ALTER COLUMN " + quote(name) + " DROP NOT NULL"
		or := ""
		if !d.anyUnsure() {
			or = " -- or DROP COLUMN " + quote(name) + ", if its values are not needed any more"
		}
		reason := fmt.Sprintf("column %s of the target is NOT NULL, has no default, and the source does not have it", f.Name)
		if d.before.dropped(f.Number, d.table) && !d.inPrimary(f.Name) {
			d.add(reason, sql+";"+or)
			continue
		}
		d.addManual(reason, sql+";"+or)
	}
}

// ours returns the source columns by the names of their target columns.
func (d *drift) ours() map[string]*capture.Column {
	all := map[string]*capture.Column{}
	for i := range d.table.Columns {
		if f := d.column(&d.table.Columns[i]); f != nil {
			all[f.Name] = &d.table.Columns[i]
		}
	}
	return all
}

// keyNames returns the names of the key columns in the target. It returns false when the target lacks one.
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

// key checks that the target has a unique index on the key, and no other primary key that could reject rows.
func (d *drift) key() {
	names, complete := d.keyNames()
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
	lacks := len(names) > 0 && complete && d.found.unique(names, !d.upserts) == nil
	switch add := "ADD PRIMARY KEY (" + list(names) + ")" + deferrableClause(d.deferrable); {
	case lacks && !d.keyRequired():
		d.addManual(fmt.Sprintf("the target has no unique index on the key (%s)", list(names)),
			d.addUnique(names))
	case lacks && primary != nil && drop == "":
		d.addManual(fmt.Sprintf("the target has no unique index on the key (%s)", list(names)),
			"ALTER TABLE "+d.target+" ADD UNIQUE ("+list(names)+")"+deferrableClause(d.deferrable))
	case lacks && drop != "":
		d.addManual(fmt.Sprintf("the key is (%s) in the source and (%s) in the target", list(names), list(primary.Columns)),
			"ALTER TABLE "+d.target+" "+drop+", "+add)
	case lacks:
		d.addManual(fmt.Sprintf("the target has no unique index on the key (%s)", list(names)), "ALTER TABLE "+d.target+" "+add)
	case drop != "":
		d.addManual(fmt.Sprintf("the primary key (%s) of the target is none in the source", list(primary.Columns)),
			"ALTER TABLE "+d.target+" "+drop)
	}
}

// identity checks that an index finds the rows of a replica identity other than the key. It does not create the index, because
// an existing table may be large.
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
		d.addManual(reason, sql)
		return
	}
	d.addNote(reason + ", so that updates and deletes read all of it: " + sql + ";")
}

// addUnique returns the SQL that makes a key unique if some of its columns can be null.
func (d *drift) addUnique(names []string) string {
	if d.deferrable {
		return "ALTER TABLE " + d.target + " ADD UNIQUE (" + list(names) + ")" + deferrableClause(true)
	}
	return "CREATE UNIQUE INDEX ON " + d.target + " (" + list(names) + ")"
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
