package target

import (
	"github.com/tailrace/tailrace/capture"
)

// lacks adds a column that the target lacks, with what the source gave to the rows that were there: no change tells it.
func (d *drift) lacks(c *capture.Column) {
	d.types.use(c.Type)
	was := d.before.source(c)
	switch {
	case d.filledLater:
		d.add("column "+c.Name+" is missing", d.added(c))
	case was != nil && was.Number == c.Number:
		d.person("column "+c.Name+" is missing: it was there and somebody has dropped it",
			d.plain(c)+"; -- then fill it: tailrace verify -repair -table "+d.table.String()+" FILE")
	case c.Fill == capture.FillUnknown && c.Key:
		d.unknown = true
		d.person("column "+c.Name+" of the key is missing, and what the source gave to older rows is in no change",
			"TRUNCATE "+d.target+"; -- no change could find its rows any more\n"+d.plain(c)+
				"; -- then bring the rows again: tailrace verify -repair -table "+d.table.String()+" FILE")
	case c.Fill == capture.FillUnknown:
		d.unknown = true
		d.person("column "+c.Name+" is missing, and what the source gave to older rows is in no change: its default is "+
			"another one for each row, or came later", d.plain(c)+";"+d.hint(c))
	default:
		d.add("column "+c.Name+" is missing", d.added(c))
	}
}

func (d *drift) plain(c *capture.Column) string {
	return "ALTER TABLE " + d.target + " ADD COLUMN " + d.definition(c)
}

// added is the SQL that adds a column and fills it as the source did. The value stays as the column's default, and a
// generated column stays one: so a row of an older shape, which comes without the column, has it right, too.
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

// hint says how a column comes to values that are in no change.
func (d *drift) hint(c *capture.Column) string {
	if c.Fill != capture.FillUnknown {
		return ""
	}
	return " -- older rows have NULL; where the source has values: tailrace verify -repair -table " + d.table.String() + " FILE"
}
