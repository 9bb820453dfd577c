package postgres

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// describe adds to a column of the stream what the catalogue knows of it.
func (a *attr) describe(c *capture.Column) {
	c.Nullable = c.Nullable && !a.Required
	c.Number, c.Unsure, c.Latest, c.Collation = a.Number, a.unsure, a.latest, a.Collation
	c.Fill, c.Filled = a.fill()
}

// fill says what rows have that are older than the column. The server keeps a value that was the same for all of them
// until the table is rewritten. Without it, a default may have come with the column (and then each row got its own) or
// later (and then they have NULL): nobody knows.
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

// computed are the generated columns that a message lacks, unless it lacks another column too: then the publication has
// a list of columns, and they are not on it.
func (r *relations) computed(m *pgoutput.Relation, d description) []capture.Column {
	var all []capture.Column
	for i := range d.columns {
		a := &d.columns[i]
		sent := slices.ContainsFunc(m.Columns, func(c pgoutput.Column) bool { return c.Name == a.Name })
		switch {
		case sent:
		case !a.Generated:
			return nil
		default:
			c := capture.Column{Name: a.Name, Type: r.types.types[a.Type], Modifier: a.Modifier, Nullable: true}
			a.describe(&c)
			all = append(all, c)
		}
	}
	return all
}
