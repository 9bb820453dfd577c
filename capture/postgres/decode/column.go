package decode

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// describe completes a column of the stream with what the catalogue has about it.
func (a *attr) describe(c *capture.Column) {
	c.Nullable = c.Nullable && !a.Required
	c.Number, c.Unsure, c.Latest, c.Collation = a.Number, a.unsure, a.latest, a.Collation
	c.Fill, c.Filled = a.fill()
}

// fill returns what rows that are older than the column contain. The server keeps a value that was the same for all of them
// until the table is rewritten. Without it, a default may have been added with the column (then each row got its own value)
// or later (then they have NULL), and the catalogue does not distinguish the two.
func (a *attr) fill() (capture.Fill, string) {
	switch {
	case a.Generated:
		return capture.FillStored, a.Formula
	case a.Missing != nil:
		return capture.FillValue, *a.Missing
	case a.Default || a.Required:
		return capture.FillUnknown, ""
	}
	return capture.FillNull, ""
}

// computed returns the generated columns that a message lacks. If the message lacks another column too, the publication has
// a column list that does not include them, and computed returns nil.
func (r *Relations) computed(m *pgoutput.Relation, d description) []capture.Column {
	var all []capture.Column
	for i := range d.columns {
		a := &d.columns[i]
		sent := slices.ContainsFunc(m.Columns, func(c pgoutput.Column) bool { return c.Name == a.Name })
		switch {
		case sent:
		case !a.Generated:
			return nil
		default:
			c := capture.Column{Name: a.Name, Type: r.types.types[a.Type], Modifier: a.Modifier, Nullable: true, Inline: r.types.inline(a.Type, a.Modifier)}
			a.describe(&c)
			all = append(all, c)
		}
	}
	return all
}
