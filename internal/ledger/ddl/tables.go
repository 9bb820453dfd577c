package ddl

import (
	"fmt"
	"slices"
	"strings"
)

func (m *model) truncate(t *table) []string { return []string{"TRUNCATE " + t.name} }

func (m *model) vacuumFull(t *table) []string { return []string{"VACUUM FULL " + t.name} }

func (m *model) renameTable(t *table) []string {
	old := t.name
	t.name = m.name("t")
	return []string{"ALTER TABLE " + old + " RENAME TO " + t.name}
}

// swapTables exchanges the names of two published tables.
func (m *model) swapTables(t *table) []string {
	other := one(m, m.tables)
	if other == t {
		return nil
	}
	t.name, other.name = other.name, t.name
	return []string{
		"ALTER TABLE " + other.name + " RENAME TO aside",
		"ALTER TABLE " + t.name + " RENAME TO " + other.name,
		"ALTER TABLE aside RENAME TO " + t.name,
	}
}

// replaceTable copies a table into a new one that takes its name, as online schema change tools do.
func (m *model) replaceTable(t *table) []string {
	if t.leaves != nil {
		return nil
	}
	next, former := m.name("new"), m.name("old")
	t.key = ""
	sql := []string{
		"CREATE TABLE " + next + " (LIKE " + t.name + " INCLUDING ALL)",
		"INSERT INTO " + next + t.copied(),
		"ALTER TABLE " + t.name + " RENAME TO " + former,
		"ALTER TABLE " + next + " RENAME TO " + t.name,
	}
	if t.keyless {
		sql = append(sql, "ALTER TABLE "+t.name+" REPLICA IDENTITY FULL")
	}
	return append(sql, "DROP TABLE "+former)
}

// copied is the query of INSERT INTO, without generated columns.
func (t *table) copied() string {
	var names []string
	for _, c := range t.columns {
		if !c.computed {
			names = append(names, c.name)
		}
	}
	list := strings.Join(names, ", ")
	return " (" + list + ") SELECT " + list + " FROM " + t.name
}

// recreate drops a table and creates it again, empty.
func (m *model) recreate(t *table) []string {
	if t.leaves != nil {
		return nil
	}
	t.columns = slices.DeleteFunc(t.columns, func(c column) bool { return c.computed })
	for i := range t.columns {
		t.columns[i].filled, t.columns[i].fixed = false, i == 0
	}
	sql := []string{"DROP TABLE " + t.name, "CREATE TABLE " + t.name + " (" + m.definitions(t) + ")"}
	if t.keyless {
		sql = append(sql, "ALTER TABLE "+t.name+" REPLICA IDENTITY FULL")
	}
	return sql
}

// createTable creates a table that the configuration's wildcard matches.
func (m *model) createTable(*table) []string {
	t := &table{name: m.name("t"), columns: []column{{name: "id", typ: "int", required: true, fixed: true}, {name: m.name("c"), typ: m.typ()}}}
	m.tables = append(m.tables, t)
	return m.create(t, false)
}

// rekey moves the primary key to two columns.
func (m *model) rekey(t *table) []string {
	c := m.column(t, func(c *column) bool { return c.typ == "int" })
	if c == nil || t.key == "" || t.leaves != nil {
		return nil
	}
	c.required, c.fixed = true, true
	former := t.key
	t.key = "" // only once
	return []string{
		fmt.Sprintf("UPDATE %s SET %s = 0 WHERE %s IS NULL", t.name, c.name, c.name),
		alter(t, "DROP CONSTRAINT %s", former)[0],
		alter(t, "ADD PRIMARY KEY (id, %s)", c.name)[0],
	}
}

// identity alternates between the key and the full row as replica identity.
func (m *model) identity(t *table) []string {
	if t.keyless || t.leaves != nil {
		return nil
	}
	return alter(t, "REPLICA IDENTITY %s", one(m, []string{"FULL", "DEFAULT"}))
}

func (m *model) addPartition(t *table) []string {
	if t.leaves == nil {
		return nil
	}
	return []string{m.partition(t)}
}

// attach creates a table with a row and attaches it.
func (m *model) attach(t *table) []string {
	if t.leaves == nil {
		return nil
	}
	l := m.leaf(t)
	only := *t
	only.name, only.leaves = l.name, []leaf{l}
	return []string{
		"CREATE TABLE " + l.name + " (LIKE " + t.name + " INCLUDING ALL)",
		m.insertAt(&only, fmt.Sprint(l.slot*100)),
		"ALTER TABLE " + t.name + " ATTACH PARTITION " + l.name + l.bounds(),
	}
}

// detach detaches a leaf, and often drops it.
func (m *model) detach(t *table) []string {
	if len(t.leaves) < 2 {
		return nil
	}
	i := m.IntN(len(t.leaves))
	name := t.leaves[i].name
	t.leaves = slices.Delete(slices.Clone(t.leaves), i, i+1)
	sql := alter(t, "DETACH PARTITION %s", name)
	if m.IntN(3) > 0 {
		sql = append(sql, "DROP TABLE "+name)
	}
	return sql
}

func (m *model) truncateLeaf(t *table) []string {
	if t.leaves == nil {
		return nil
	}
	return []string{"TRUNCATE " + one(m, t.leaves).name}
}
