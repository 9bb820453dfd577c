package postgres

import (
	"fmt"
	"strings"
)

// The statements for many rows of one usage: each column is a parameter, an array with a value for each row.

// elements says whether a column's values can be elements of an array of its type: a text literal of such an array has
// commas between them. Values of other types go as text and are cast.
func (p *plan) elements(i int) bool {
	c := &p.rel.Columns[i]
	return !c.Array && c.Type != "box" && !strings.Contains(c.Type, ".")
}

// unnest is "unnest($1::int8[], ...) u (c0, ...)" for columns, in their order. A column that is both compared and set
// stands there twice, as o and c.
func (p *plan) unnest(usage []byte) string {
	var arrays, names []string
	add := func(i int, name string) {
		kind := "pg_catalog.text"
		if p.elements(i) {
			kind = p.rel.Columns[i].Type
		}
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", len(arrays)+1, kind))
		names = append(names, fmt.Sprintf("%s%d", name, i))
	}
	for i, u := range usage {
		if u&sets != 0 {
			add(i, "c")
		}
	}
	for _, want := range []byte{finds, compares} {
		for i, u := range usage {
			if u&want != 0 {
				add(i, "o")
			}
		}
	}
	return "unnest(" + strings.Join(arrays, ", ") + ") u (" + strings.Join(names, ", ") + ")"
}

// value is what unnest gives for a column, of the column's type.
func (p *plan) value(name string, i int) string {
	if p.elements(i) {
		return fmt.Sprintf("u.%s%d", name, i)
	}
	return fmt.Sprintf("u.%s%d::%s", name, i, p.rel.Columns[i].Type)
}

func (p *plan) manyWhere(usage []byte) string {
	var conditions []string
	for i, u := range usage {
		if u&finds != 0 {
			conditions = append(conditions, fmt.Sprintf("t.%s %s %s", p.column(i), p.equalTo(i), p.value("o", i)))
		}
	}
	for i, u := range usage {
		if u&compares != 0 {
			conditions = append(conditions, p.same(i, fmt.Sprintf("u.o%d", i)))
		}
	}
	return strings.Join(conditions, " AND ")
}

// updateMany is update for many rows.
func (p *plan) updateMany(usage []byte) *statement {
	return p.other('U', usage, func() string {
		var assignments []string
		for i, u := range usage {
			if u&sets != 0 {
				assignments = append(assignments, p.column(i)+" = "+p.value("c", i))
			}
		}
		if len(assignments) == 0 {
			return "SELECT FROM " + p.name + " t JOIN " + p.unnest(usage) + " ON " + p.manyWhere(usage)
		}
		return "UPDATE " + p.name + " t SET " + strings.Join(assignments, ", ") + " FROM " + p.unnest(usage) + " WHERE " + p.manyWhere(usage)
	})
}

// removeMany is remove for many rows.
func (p *plan) removeMany(usage []byte) *statement {
	return p.other('D', usage, func() string {
		return "DELETE FROM " + p.name + " t USING " + p.unnest(usage) + " WHERE " + p.manyWhere(usage)
	})
}

// insertMany inserts rows of which every written column is given.
func (p *plan) insertMany() *statement {
	usage := make([]byte, len(p.table.Columns))
	for _, i := range p.written {
		usage[i] = sets
	}
	return p.other('I', usage, func() string {
		values := make([]string, len(p.written))
		for n, i := range p.written {
			values[n] = p.value("c", i)
		}
		return p.into() + " SELECT " + strings.Join(values, ", ") + " FROM " + p.unnest(usage) + p.onKey
	})
}

func (p *plan) copySQL() string {
	return "COPY " + p.name + " (" + p.columns(p.written) + ") FROM STDIN"
}
