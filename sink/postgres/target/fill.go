package target

import (
	"github.com/tailrace/tailrace/capture"
)

// lacks adds a column that the target lacks, with the value that the source gave to existing rows, which the stream does not
// carry.
func (d *drift) lacks(c *capture.Column) {
	d.types.use(c.Type)
	was := d.before.source(c)
	switch {
	case d.repairs:
		d.add("column "+c.Name+" is missing", d.added(c))
	case was != nil && was.Number == c.Number:
		d.addManual("column "+c.Name+" is missing: it existed and was dropped in the target",
			d.plain(c)+"; -- then fill it: "+verifyTable(d.table.String()))
	case c.Fill == capture.FillUnknown && c.Key:
		d.unknown = true
		d.addManual("column "+c.Name+" of the key is missing, and what the source gave to older rows is in no change",
			"TRUNCATE "+d.target+"; -- no change could find its rows any more\n"+d.plain(c)+
				"; -- then bring the rows again: "+verifyTable(d.table.String()))
	case c.Fill == capture.FillUnknown:
		d.unknown = true
		d.addManual("column "+c.Name+" is missing, and what the source gave to older rows is in no change: its default is "+
			"another one for each row, or came later", d.plain(c)+";"+d.hint(c))
	default:
		d.add("column "+c.Name+" is missing", d.added(c))
	}
}

// plain returns the SQL that adds a column without filling it.
func (d *drift) plain(c *capture.Column) string {
	return "ALTER TABLE " + d.target + " ADD COLUMN " + d.definition(c)
}

// added returns the SQL that adds a column and fills it as the source did. The value remains the column's default, and a
// generated column remains generated, so that a row of an older shape, which lacks the column, also gets the right value.
func (d *drift) added(c *capture.Column) string {
	sql := d.plain(c)
	switch c.Fill {
	case capture.FillValue:
		return sql + " DEFAULT " + literal(c.Filled) + "::" + d.types.sql(c.Type, c.Modifier) + notNull(!c.Nullable)
	case capture.FillStored:
		return sql + " GENERATED ALWAYS AS (" + c.Filled + ") STORED" + notNull(!c.Nullable)
	}
	return sql
}

// hint returns the comment that tells how to fill a column whose older values the stream does not carry.
func (d *drift) hint(c *capture.Column) string {
	if c.Fill != capture.FillUnknown {
		return ""
	}
	return " -- older rows have NULL; where the source has values: " + verifyTable(d.table.String())
}
