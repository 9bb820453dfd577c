package capturetest

import (
	"fmt"
	"strconv"

	"github.com/tailrace/tailrace/capture"
)

// Row is a version of a row: the result of one change.
type Row struct{ Key, Version int }

// Table is the table of a Script's changes, with the columns id, which is the key, and ver.
var Table = &capture.Table{
	OID: 16384, Schema: "public", Name: "ledger", Key: []int{0},
	Columns: []capture.Column{
		{Name: "id", Type: int4, Modifier: -1, Key: true, Identity: true, Inline: true},
		{Name: "ver", Type: int4, Modifier: -1, Inline: true},
	},
}

var int4 = &capture.Type{OID: 23, Schema: "pg_catalog", Name: "int4", Kind: capture.KindInt}

// RowOf returns the Row of a change of a table that has the columns id and ver, as Table has.
func RowOf(c *capture.Change) (Row, error) {
	key, err := number(c, "id")
	if err != nil {
		return Row{}, err
	}
	version, err := number(c, "ver")
	return Row{key, version}, err
}

func number(c *capture.Change, column string) (int, error) {
	i := c.Table.Column(column)
	if i < 0 || i >= len(c.Row()) {
		return 0, fmt.Errorf("a change of %s at %s has no column %s", c.Table, c.At(), column)
	}
	n, err := strconv.Atoi(c.Row()[i].String())
	if err != nil {
		return 0, fmt.Errorf("%s of a change of %s at %s: %w", column, c.Table, c.At(), err)
	}
	return n, nil
}

// values returns the row as the stream carries it.
func (r Row) values() []capture.Value {
	text := func(n int) capture.Value {
		return capture.Value{Kind: capture.Text, Bytes: strconv.AppendInt(nil, int64(n), 10)}
	}
	return []capture.Value{text(r.Key), text(r.Version)}
}
