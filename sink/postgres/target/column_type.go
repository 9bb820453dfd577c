package target

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
)

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
	case d.retyped(c, f, want) && d.bothTypes(c, f, want):
		d.addManual(fmt.Sprintf("column %s has become %s, and its values other ones, in a transaction that has rows of both types", c.Name, want),
			d.storeBoth(c, f))
	case d.retyped(c, f, want) && (f.Full != want || !d.repairs):
		d.types.use(c.Type)
		fix := d.convert(c, f, want, "; -- or what the source's ALTER TABLE said after USING")
		if f.Full == want {
			fix = alterRecord(d.before.Schema, d.before.Table, fmt.Sprintf("c ->> 'Place' = '%d'", f.Number), map[string]any{"Type": want}) + ";" + d.verify(caughtUp+", where older rows are not what the source has made of them")
		}
		d.addManual(fmt.Sprintf("column %s has become %s, and its values other ones", c.Name, want), fix)
	case f.Full == want, d.nowText(c, f, want):
		d.types.use(c.Type)
	case d.stores(c, f, want):
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

// stores reports whether a target column may keep its type, because that accepts every value of a source column of another type.
func (d *drift) stores(c *capture.Column, f *foundColumn, want string) bool {
	return d.accepts(f.Full, c) && (!d.repairs || !d.left(c, f, want))
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
	if was == nil || was.Place != f.Number || was.Type == want || keeps(was.Type, want) || d.before.byNames() && d.stores(c, f, want) {
		return false
	}
	return f.Full != want || was.Target == f.Full
}

// bothTypes reports whether this transaction has rows of a column's former type, which come again after the fix, and which the new type
// does not store.
func (d *drift) bothTypes(c *capture.Column, f *foundColumn, want string) bool {
	return d.before.Written && !d.repairs && f.Full != want && !accepts(want, d.before.source(c).Type)
}

// storeBoth returns the SQL after which a target column takes the rows of both types. It gets its type when they have been compared.
func (d *drift) storeBoth(c *capture.Column, f *foundColumn) string {
	sql := ""
	if !d.accepts(f.Full, c) {
		column := quote(f.Name)
		if f.PlainDefault { // it may have no cast; rows come with all values
			sql = "ALTER TABLE " + d.target + " ALTER COLUMN " + column + " DROP DEFAULT;\n"
		}
		sql += d.withViews(f, "ALTER TABLE "+d.target+" ALTER COLUMN "+column+" TYPE text USING "+column+"::text;") + "\n"
	}
	return sql + forgetNumbers(d.before.Schema, d.before.Table, d.latest()) + ";" + d.verify(caughtUp)
}

// left reports whether the type of a target column is not the source's and not one that an operator has chosen: another source column,
// which had the same name, has left it behind.
func (p *planned) left(c *capture.Column, f *foundColumn, want string) bool {
	was := p.was.source(c)
	if was == nil || was.Place != f.Number || was.Target != f.Full || f.Full == want {
		return false
	}
	return was.Left || was.Type != want && !keeps(was.Type, want) && !widens(want, f.Full)
}
