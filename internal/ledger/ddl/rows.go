package ddl

import (
	"fmt"
	"strings"
)

// id returns a key: one of a few, so that rows collide; a partitioned table has only those of its leaves.
func (m *model) id(t *table) string {
	if t.leaves == nil {
		return fmt.Sprint(m.IntN(12))
	}
	return fmt.Sprint(one(m, t.leaves).slot*100 + m.IntN(4))
}

// insert returns the INSERT of a row, with some columns left to their defaults.
func (m *model) insert(t *table) string {
	names, values := []string{}, []string{}
	for _, c := range t.columns {
		switch {
		case c.computed:
			continue
		case c.name == "id":
			values = append(values, m.id(t))
		case c.filled && m.IntN(2) == 0:
			continue
		case !c.required && m.IntN(5) == 0:
			values = append(values, "NULL")
		default:
			values = append(values, m.value(c.typ))
		}
		names = append(names, c.name)
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, strings.Join(names, ", "), strings.Join(values, ", "))
	if !t.keyless {
		sql += " ON CONFLICT DO NOTHING"
	}
	return sql
}

// row returns a statement that writes rows of a table.
func (m *model) row(t *table) string {
	switch n := m.IntN(10); {
	case n < 5:
		return m.insert(t)
	case n < 9:
		if c := m.column(t, nil); c != nil {
			return fmt.Sprintf("UPDATE %s SET %s = %s WHERE id %% 3 = %d", t.name, c.name, m.value(c.typ), m.IntN(3))
		}
		return m.insert(t)
	}
	return fmt.Sprintf("DELETE FROM %s WHERE id = %s", t.name, m.id(t))
}

// touch writes one row of every table, so that the stream contains the shape of each.
func (m *model) touch() (sql []string) {
	for _, t := range m.tables {
		id := m.id(t)
		sql = append(sql, fmt.Sprintf("DELETE FROM %s WHERE id = %s", t.name, id), m.insertAt(t, id))
	}
	return sql
}

// insertAt returns an INSERT of a row with a given key, so that a row is certainly written.
func (m *model) insertAt(t *table, id string) string {
	names, values := []string{"id"}, []string{id}
	for _, c := range t.columns[1:] {
		if !c.computed {
			names, values = append(names, c.name), append(values, m.value(c.typ))
		}
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, strings.Join(names, ", "), strings.Join(values, ", "))
}
