package rulestest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// checker is daemon.TableChecker.
type checker interface {
	CheckTables(tables []*capture.Table) hcl.Diagnostics
}

// kinds are those of the types that tests use; any other type is a text.
var kinds = map[string]capture.TypeKind{
	"bool": capture.KindBool, "int2": capture.KindInt, "int4": capture.KindInt, "int8": capture.KindInt, "float8": capture.KindFloat,
	"numeric": capture.KindNumeric, "bytea": capture.KindBytes, "json": capture.KindJSON, "jsonb": capture.KindJSON,
	"date": capture.KindDate, "timestamp": capture.KindTimestamp, "timestamptz": capture.KindTimestampTZ,
}

// inline are the types whose values are never stored out of line.
var inline = []string{"bool", "int2", "int4", "int8", "float8", "date", "timestamp", "timestamptz", "uuid"}

// Table returns a table whose columns are written as "id int4 key": the name, the type, and key, identity or inline. A key is part of
// the replica identity.
func Table(name string, columns ...string) *capture.Table {
	t := &capture.Table{}
	t.Schema, t.Name, _ = capture.SplitName(name)
	for i, text := range columns {
		words := strings.Fields(text)
		kind, known := kinds[words[1]]
		if !known {
			kind = capture.KindText
		}
		c := capture.Column{Name: words[0], Type: &capture.Type{Schema: "pg_catalog", Name: words[1], Kind: kind}, Modifier: -1, Nullable: true}
		c.Key = slices.Contains(words, "key")
		c.Identity = c.Key || slices.Contains(words, "identity")
		c.Inline = slices.Contains(inline, words[1]) || slices.Contains(words, "inline")
		if c.Key {
			t.Key = append(t.Key, i)
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// Full returns the table under REPLICA IDENTITY FULL.
func Full(t *capture.Table) *capture.Table {
	full := *t
	full.Columns = slices.Clone(t.Columns)
	for i := range full.Columns {
		full.Columns[i].Identity = true
	}
	return &full
}

// Row returns values: nil for null, a capture.ValueKind for a value that is not there, and the text of anything else.
func Row(values ...any) []capture.Value {
	row := make([]capture.Value, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case nil:
		case capture.ValueKind:
			row[i].Kind = v
		default:
			row[i] = capture.Value{Kind: capture.Text, Bytes: fmt.Append(nil, v)}
		}
	}
	return row
}

var commit = &capture.Tx{LSN: 0x1000, XID: 7, Time: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}

// Change returns a change of a table.
func Change(op capture.Op, t *capture.Table, before, after []capture.Value) *capture.Change {
	return &capture.Change{Tx: commit, Seq: 3, Op: op, Table: t, Before: before, After: after}
}

// Insert returns the insert of a row.
func Insert(t *capture.Table, row ...any) *capture.Change {
	return Change(capture.Insert, t, nil, Row(row...))
}

// Update returns an update. before is nil where the log has no old row.
func Update(t *capture.Table, before, after []capture.Value) *capture.Change {
	return Change(capture.Update, t, before, after)
}

// Delete returns the delete of a row, of which before has what the replica identity carries.
func Delete(t *capture.Table, before ...any) *capture.Change {
	return Change(capture.Delete, t, Row(before...), nil)
}

// Apply applies a chain to a change, and returns the events as Show prints them.
func Apply(c *transform.Chain, change *capture.Change) (string, error) {
	events, err := c.Apply(nil, transform.Event{Change: change})
	if err != nil {
		return "", err
	}
	var out []string
	for i := range events {
		out = append(out, Show(&events[i]))
	}
	return strings.Join(out, " | "), nil
}

// Show prints an event: what a block has set, and the row of a plain change. It shows the suffix of the id if that is not the type.
func Show(e *transform.Event) string {
	if e.Plain() {
		return strings.TrimSpace(fmt.Sprintf("%s %s", e.Change.Op, texts(e.Change.Row())))
	}
	out := []string{e.Type}
	add := func(name string, value []byte, set bool) {
		switch {
		case set && value == nil:
			out = append(out, name+"=null")
		case set:
			out = append(out, name+"="+string(value))
		}
	}
	add("suffix", []byte(e.Suffix), e.Suffix != e.Type)
	add("id", e.ID, e.ID != nil)
	add("key", e.Key, e.HasKey)
	add("topic", []byte(e.Topic), e.Topic != "")
	if e.Partition != 0 {
		out = append(out, fmt.Sprintf("partition=%d", e.Partition-1))
	}
	for _, h := range e.Headers {
		add(h.Name, h.Value, true)
	}
	add("data", e.Data, e.HasData)
	return strings.Join(out, " ")
}

func texts(row []capture.Value) string {
	out := make([]string, len(row))
	for i, v := range row {
		out[i] = [...]string{"null", v.String(), "unchanged", "absent"}[v.Kind]
	}
	return strings.Join(out, ",")
}
