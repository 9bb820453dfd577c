package target

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// Postgres before 18 does not stream generated columns. The target generates them itself, and their numbers are recorded, so that one
// that was dropped, renamed, or is not generated any more is noticed.

// addComputed returns the SQL that adds a generated column that the stream does not carry. A virtual column of the source is
// stored in the target: older servers support only stored ones, and its values are the same.
func (p *planned) addComputed(c *capture.Column) string {
	return "ALTER TABLE " + p.target + " ADD COLUMN " + p.definition(c) + " GENERATED ALWAYS AS (" + c.Filled + ") STORED"
}

// compareComputed compares generated columns that the stream does not carry, and adds those that the target lacks. One that was
// recorded as missing, because the target does not accept its expression, remains missing.
func (d *drift) compareComputed() {
	for i := range d.table.Computed {
		c := &d.table.Computed[i]
		f := d.found.column(c.Name)
		switch {
		case f != nil && d.finally(f) == c.Name:
			d.retypeGenerated(c, f)
		case d.own(c) != nil: // it is renamed
		case d.adds:
			d.try(d.addComputed(c))
		case d.before.source(c) == nil && !d.made:
			or := "; -- or, if the target does not accept that: ADD COLUMN " + d.definition(c) + ", which stays empty"
			d.add("column "+c.Name+" is missing", d.addComputed(c)+or)
		}
	}
}

// renameComputed lets generated columns that the stream does not carry follow their names in the source. It returns the names that
// they need and that target columns of former source columns may have.
func (d *drift) renameComputed() (needed []string) {
	for i := range d.table.Computed {
		c := &d.table.Computed[i]
		own, f := d.own(c), d.found.column(c.Name)
		switch {
		case own != nil && own.Name != c.Name && d.before.source(c).Name != c.Name:
			d.moved = append(d.moved, renaming{from: own, to: c.Name, reason: d.renamed(c), manual: !d.repairs})
			needed = append(needed, c.Name)
		case own == nil && f != nil && c.Number != 0 && d.before.dropped(f.Number, d.table):
			needed = append(needed, c.Name)
		}
	}
	return needed
}

// generated compares a column that the target generates. If the source does not, the target does not accept its values.
func (d *drift) generated(c *capture.Column, f *foundColumn) {
	if c.Fill == capture.FillStored {
		d.retypeGenerated(c, f)
		return
	}
	reason := "column " + c.Name + " is generated in the target only"
	sql := "ALTER TABLE " + d.target + " ALTER COLUMN " + quote(f.Name) + " DROP EXPRESSION;"
	was := d.before.source(c)
	if d.repairs || c.Number != 0 && was != nil && was.Generated && was.Number == c.Number {
		d.add(reason, sql) // the values remain on both sides, or are compared afterwards
		return
	}
	d.addManual(reason, sql+d.verify(caughtUp))
}

// retypeGenerated gives a column that both sides generate the type that it has got in the source. The target calculates all values
// again.
func (d *drift) retypeGenerated(c *capture.Column, f *foundColumn) {
	was, want := d.before.source(c), d.types.sql(c.Type, c.Modifier)
	if f.Generated && was != nil && was.Place == f.Number && was.Type != want && f.Full != want {
		d.add("column "+c.Name+" is "+want+" in the source and "+f.Full+" in the target", d.retype(c, f, want))
	}
}

// computed returns what is recorded about generated columns that the stream does not carry, and marks those of the others, ours,
// that the source generates. Columns that this shape lacks remain recorded: the source may have dropped them, or the shape is older
// than they are.
func (p *planned) computed(ours []known) []known {
	for i := range p.table.Columns {
		ours[i].Generated = p.table.Columns[i].Fill == capture.FillStored
	}
	var all []known
	for i := range p.table.Computed {
		c := &p.table.Computed[i]
		k := known{Number: c.Number, Name: c.Name, Type: p.types.sql(c.Type, c.Modifier), Generated: true}
		if f := p.found.column(c.Name); f != nil {
			k.Target, k.Place = f.Full, f.Number
		}
		all = append(all, k)
	}
	if p.was == nil {
		return all
	}
	for _, k := range p.was.Columns {
		f := p.found.at(k.Place)
		if !k.Generated || k.Number == 0 || k.Place != 0 && (f == nil || !f.Generated) {
			continue
		}
		same := func(o known) bool { return o.Number == k.Number || k.Place != 0 && o.Place == k.Place }
		if !slices.ContainsFunc(ours, same) && !slices.ContainsFunc(all, same) {
			k.Gone = true
			all = append(all, k)
		}
	}
	return all
}
