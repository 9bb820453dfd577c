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
		forget(d.before.Schema, d.before.Table)+";"+d.verify("then, when the pipeline is streaming and has caught up"))
	return true
}

// unsureNames returns the names of such columns, quoted.
func (d *drift) unsureNames() (names []string) {
	if d.before == nil || d.before.New || !d.anyUnsure() {
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

// same compares a column that exists on both sides.
func (d *drift) same(c *capture.Column, f *foundColumn) {
	want := d.types.sql(c.Type, c.Modifier)
	alter := "ALTER TABLE " + d.target + " ALTER COLUMN " + quote(f.Name)
	switch {
	case f.Generated:
		d.generated(c, f)
	case d.adds && d.widened(c, f, want):
		reason, sql := fmt.Sprintf("column %s is %s in the source and %s in the target", c.Name, want, f.Full), d.retype(c, f, want)+";"
		if rewrites(f.Full, want) {
			reason += ": the server writes the whole table again, and locks it meanwhile"
		}
		if len(d.views[f.Number]) > 0 {
			d.addManual(reason, d.withViews(f, sql))
			break
		}
		d.add(reason, sql)
	case d.retyped(c, f, want) && (f.Full != want || !d.repairs):
		d.types.use(c.Type)
		fix := d.convert(c, f, want, "; -- or what the source's ALTER TABLE said after USING")
		if f.Full == want {
			fix = forget(d.before.Schema, d.before.Table) + ";" + d.verify(caughtUp+", where older rows are not what the source has made of them")
		}
		d.addManual(fmt.Sprintf("column %s has become %s, and its values other ones", c.Name, want), fix)
	case f.Full == want, d.nowText(c, f, want):
		d.types.use(c.Type)
	case d.accepts(f.Full, c):
		d.keptAsText(c)
	default:
		d.types.use(c.Type)
		d.addManual(fmt.Sprintf("column %s is %s in the source and %s in the target", c.Name, want, f.Full),
			d.convert(c, f, want, ";"))
	}
	if c.Nullable && c.Number != 0 && f.Required && !d.inPrimary(f.Name) { // without a number, Nullable is not known
		d.add(fmt.Sprintf("column %s may be null in the source", c.Name), alter+" DROP NOT NULL")
	}
}

// nowText reports whether an operator has let a column of a composite type take texts since the last row, to change it back later.
func (d *drift) nowText(c *capture.Column, f *foundColumn, want string) bool {
	was := d.before.source(c)
	return composite(c.Type) && f.Full == "text" && was != nil && was.Place == f.Number && was.Type == want && was.Target == want
}

// retype returns the SQL that gives a target column the type of the source column.
func (d *drift) retype(c *capture.Column, f *foundColumn, want string) string {
	return "ALTER TABLE " + d.target + " ALTER COLUMN " + quote(f.Name) + " TYPE " + want +
		d.types.collate(c.Collation, "column "+c.Name+" of "+d.target)
}

// widened reports whether the source has widened a column that had the target's type before.
func (d *drift) widened(c *capture.Column, f *foundColumn, want string) bool {
	was := d.before.source(c)
	plain := c.Type.User == nil && (c.Type.Elem == nil || c.Type.Elem.User == nil)
	return plain && was != nil && was.Place == f.Number && was.Type == f.Full && widens(f.Full, want)
}

// accepts reports whether a target column accepts every value of a source column. The values of a domain are those of its base
// type.
func (d *drift) accepts(target string, c *capture.Column) bool {
	if accepts(target, d.types.sql(c.Type, c.Modifier)) {
		return true
	}
	for t := c.Type; t.User != nil && t.User.Kind == capture.UserDomain; t = t.User.Base {
		if accepts(target, d.types.sql(t.User.Base, t.User.Modifier)) {
			return true
		}
	}
	return false
}

// inPrimary reports whether a column is part of the target's primary key and therefore cannot be null.
func (d *drift) inPrimary(name string) bool {
	primary := d.found.primary()
	return primary != nil && slices.Contains(primary.Columns, name)
}

// retyped reports whether the source has converted the values of older rows, which the stream does not carry, while the target
// column was not converted.
func (d *drift) retyped(c *capture.Column, f *foundColumn, want string) bool {
	if d.before == nil || c.Unsure {
		return false
	}
	was := d.before.source(c)
	if was == nil || was.Place != f.Number || was.Type == want || keeps(was.Type, want) {
		return false
	}
	return f.Full != want || was.Target == f.Full
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
