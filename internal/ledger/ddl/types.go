package ddl

import (
	"fmt"
	"strings"
)

// wider maps a type to the types that hold all its values in the same text form.
var wider = map[string][]string{
	"smallint": {"int", "bigint"}, "int": {"bigint", "numeric(20)"}, "varchar(20)": {"varchar(40)", "text"}, "varchar(40)": {"varchar(80)", "text"}, "varchar(80)": {"text"},
	"numeric(10,2)": {"numeric(14,2)"}, "numeric(20)": {"numeric(24)"},
}

func (m *model) widen(t *table) []string {
	return m.become(t, func(typ string) (string, string) {
		if len(wider[typ]) == 0 {
			return "", ""
		}
		return one(m, wider[typ]), ""
	})
}

// narrow changes a column to a smaller type, and its values with it.
func (m *model) narrow(t *table) []string {
	return m.become(t, func(typ string) (string, string) {
		switch typ {
		case "bigint", "numeric(20)", "numeric(24)":
			return "int", "(%s %% 1000)::int"
		case "int":
			return "smallint", "(%s %% 100)::smallint"
		case "text", "varchar(80)", "varchar(40)":
			return "varchar(20)", "left(%s, 2)"
		case "numeric(10,2)", "numeric(14,2)":
			return "numeric(10,0)", "round(%s)"
		}
		return "", ""
	})
}

// retype changes a column to another type, with or without the values' text.
func (m *model) retype(t *table) []string {
	return m.become(t, func(typ string) (string, string) {
		switch typ {
		case "int", "bigint", "smallint":
			return one(m, []string{"text", "varchar(20)"}), "%s::text"
		case "boolean":
			return "int", "%s::int"
		case "timestamptz":
			return "date", "(%s AT TIME ZONE 'UTC')::date"
		case "mood", "jsonb", "date":
			return "text", "'was ' || %s::text"
		}
		return "", ""
	})
}

// become returns ALTER COLUMN TYPE; to is the new type, followed by the expression after USING.
func (m *model) become(t *table, to func(string) (typ, using string)) []string {
	c := m.column(t, func(c *column) bool { typ, _ := to(c.typ); return typ != "" && !c.filled })
	if c == nil {
		return nil
	}
	typ, using := to(c.typ)
	c.typ = typ
	if using != "" {
		using = " USING " + fmt.Sprintf(using, c.name)
	}
	return alter(t, "ALTER COLUMN %s TYPE %s%s", c.name, typ, using)
}

func (m *model) enumAdd(*table) []string {
	label := m.name("mood")
	m.labels = append(m.labels, label)
	where := ""
	if m.IntN(2) == 0 {
		where = " BEFORE '" + m.labels[0] + "'"
	}
	return []string{"ALTER TYPE mood ADD VALUE '" + label + "'" + where}
}

// enumRename renames a label. Defaults hold labels by OID, so they follow.
func (m *model) enumRename(*table) []string {
	i := m.IntN(len(m.labels))
	old := m.labels[i]
	m.labels[i] = m.name("mood")
	return []string{"ALTER TYPE mood RENAME VALUE '" + old + "' TO '" + m.labels[i] + "'"}
}

func (m *model) compositeAdd(*table) []string {
	f := column{name: m.name("f"), typ: one(m, []string{"int", "text", "boolean"})}
	m.fields = append(m.fields, f)
	return []string{"ALTER TYPE addr ADD ATTRIBUTE " + f.name + " " + f.typ}
}

func (m *model) compositeDrop(*table) []string {
	if len(m.fields) < 2 {
		return nil
	}
	i := m.IntN(len(m.fields))
	name := m.fields[i].name
	m.fields = append(m.fields[:i:i], m.fields[i+1:]...)
	return []string{"ALTER TYPE addr DROP ATTRIBUTE " + name}
}

func (m *model) compositeRename(*table) []string {
	i := m.IntN(len(m.fields))
	old := m.fields[i].name
	m.fields[i].name = m.name("f")
	return []string{"ALTER TYPE addr RENAME ATTRIBUTE " + old + " TO " + m.fields[i].name}
}

// definitions returns a table's columns for CREATE TABLE, without generated ones.
func (m *model) definitions(t *table) string {
	var list []string
	for _, c := range t.columns {
		list = append(list, c.name+" "+c.typ+notNull(c.required))
	}
	if !t.keyless {
		t.key = m.name("key")
		list = append(list, "CONSTRAINT "+t.key+" PRIMARY KEY (id)")
	}
	return strings.Join(list, ", ")
}
