package dml

import (
	"fmt"
	"strings"
)

// A statement for many rows of one usage takes a parameter per column: an array with a value per row.

// elements reports whether the text of a column's values can be an element of an array of its type. Values of other types are
// sent as text and cast.
func (p *Plan) elements(i int) bool {
	c := &p.Rel.Columns[i]
	return !c.Array && c.Type != "box" && !strings.Contains(c.Type, ".")
}

// unnest returns "unnest($1::int8[], ...) u (c0, ...)". A column that is both compared and set occurs twice, as o and c.
func (p *Plan) unnest(usage []byte) string {
	var arrays, names []string
	add := func(i int, name string) {
		kind := "pg_catalog.text"
		if p.elements(i) {
			kind = p.Rel.Columns[i].Type
		}
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", len(arrays)+1, kind))
		names = append(names, fmt.Sprintf("%s%d", name, i))
	}
	for i, u := range usage {
		if u&Sets != 0 {
			add(i, "c")
		}
	}
	for _, want := range []byte{Finds, Compares} {
		for i, u := range usage {
			if u&want != 0 {
				add(i, "o")
			}
		}
	}
	return "unnest(" + strings.Join(arrays, ", ") + ") u (" + strings.Join(names, ", ") + ")"
}

// value returns the expression for a column of unnest, with the column's type.
func (p *Plan) value(name string, i int) string {
	if p.elements(i) {
		return fmt.Sprintf("u.%s%d", name, i)
	}
	return fmt.Sprintf("u.%s%d::%s", name, i, p.Rel.Columns[i].Type)
}

// rowsWhere is where for many rows.
func (p *Plan) rowsWhere(usage []byte) string {
	var conditions []string
	for i, u := range usage {
		if u&Finds != 0 {
			conditions = append(conditions, fmt.Sprintf("t.%s %s %s", p.Column(i), p.operator(i), p.value("o", i)))
		}
	}
	for i, u := range usage {
		if u&Compares != 0 {
			conditions = append(conditions, p.sameAs(i, fmt.Sprintf("u.o%d", i)))
		}
	}
	return strings.Join(conditions, " AND ")
}

// UpdateRows is Update for many rows.
func (p *Plan) UpdateRows(usage []byte) *Statement {
	return p.statement('U', usage, func() string {
		var assignments []string
		for i, u := range usage {
			if u&Sets != 0 {
				assignments = append(assignments, p.Column(i)+" = "+p.value("c", i))
			}
		}
		if len(assignments) == 0 {
			return "SELECT FROM " + p.Name + " t JOIN " + p.unnest(usage) + " ON " + p.rowsWhere(usage)
		}
		return "UPDATE " + p.Name + " t SET " + strings.Join(assignments, ", ") + " FROM " + p.unnest(usage) + " WHERE " + p.rowsWhere(usage)
	})
}

// DeleteRows is Delete for many rows.
func (p *Plan) DeleteRows(usage []byte) *Statement {
	return p.statement('D', usage, func() string {
		return "DELETE FROM " + p.Name + " t USING " + p.unnest(usage) + " WHERE " + p.rowsWhere(usage)
	})
}

// InsertRows is Insert for many rows, of which every written column is given.
func (p *Plan) InsertRows() *Statement {
	usage := make([]byte, len(p.Table.Columns))
	for _, i := range p.Written {
		usage[i] = Sets
	}
	return p.statement('I', usage, func() string {
		values := make([]string, len(p.Written))
		for n, i := range p.Written {
			values[n] = p.value("c", i)
		}
		return p.into() + " SELECT " + strings.Join(values, ", ") + " FROM " + p.unnest(usage) + p.OnConflict
	})
}

// CopySQL returns the COPY statement for complete rows.
func (p *Plan) CopySQL() string {
	return "COPY " + p.Name + " (" + p.Columns(p.Written) + ") FROM STDIN"
}
