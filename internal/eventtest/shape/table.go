package shape

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/config"
)

// Column is a column of a declared table, with its type as in CREATE TABLE.
type Column struct{ Name, Type string }

// Identity is the replica identity of a declared table.
type Identity struct {
	Full    bool     // REPLICA IDENTITY FULL
	Nothing bool     // REPLICA IDENTITY NOTHING
	Index   []string // the columns of USING INDEX; empty unless it has that form. Otherwise it is DEFAULT: the key
}

// NewTable returns the shape of a table as a stream would describe it. name is "schema.table". A *Problem as an error belongs to the
// column whose name it comes with; "" stands for the table.
func (t *Types) NewTable(name string, columns []Column, key []string, id Identity) (table *capture.Table, column string, err error) {
	schema, short, ok := capture.SplitName(name)
	if !ok {
		return nil, "", &Problem{Summary: fmt.Sprintf("%q is not schema.table", name), Detail: `Write the schema as well, such as "public.orders".`}
	}
	table = &capture.Table{Schema: schema, Name: short}
	for i, c := range columns {
		typ, modifier, nullable, err := t.Parse(c.Type)
		if err != nil {
			return nil, c.Name, err
		}
		table.Columns = append(table.Columns, capture.Column{
			Name: c.Name, Type: typ, Modifier: modifier, Nullable: nullable, Inline: t.isInline(typ, modifier), Number: int16(i + 1),
		})
	}
	for _, name := range key {
		i, err := mark(table, name)
		if err != nil {
			return nil, "", err
		}
		table.Key = append(table.Key, i)
		table.Columns[i].Key, table.Columns[i].Nullable = true, false
	}
	return table, "", identify(table, id)
}

// isInline reports whether the values of a column are never stored out of line.
func (t *Types) isInline(typ *capture.Type, modifier int32) bool {
	for typ.User != nil && typ.User.Kind == capture.UserDomain {
		typ, modifier = typ.User.Base, typ.User.Modifier
	}
	return t.inline[typ] || decode.FitsInRow(typ.OID, modifier)
}

// identify marks the columns of the replica identity.
func identify(table *capture.Table, id Identity) error {
	for i := range table.Columns {
		c := &table.Columns[i]
		c.Identity = id.Full || len(id.Index) == 0 && !id.Nothing && c.Key
	}
	for _, name := range id.Index {
		i, err := mark(table, name)
		if err != nil {
			return err
		}
		table.Columns[i].Identity, table.Columns[i].Nullable = true, false // USING INDEX requires NOT NULL
	}
	return nil
}

// mark returns the index of a column that the declaration names.
func mark(table *capture.Table, name string) (int, error) {
	i := table.Column(name)
	if i < 0 {
		return 0, UnknownColumn(table, name)
	}
	return i, nil
}

// UnknownColumn is the problem of a column that a table does not have.
func UnknownColumn(table *capture.Table, name string) *Problem {
	var names []string
	for _, c := range table.Columns {
		names = append(names, c.Name)
	}
	hint := config.Suggest(name, slices.Clone(names))
	if hint == "" {
		hint = fmt.Sprintf("Its columns are %q.", names)
	}
	return &Problem{Summary: fmt.Sprintf("%s has no column %q", table, name), Detail: hint}
}
