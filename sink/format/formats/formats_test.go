package formats_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
	"github.com/tailrace/tailrace/transform"
)

var (
	integer = &capture.Type{Name: "int8", Kind: capture.KindInt}
	text    = &capture.Type{Name: "text", Kind: capture.KindText}
	number  = &capture.Type{Name: "numeric", Kind: capture.KindNumeric}

	orders = &capture.Table{
		Schema: "public", Name: "orders", Key: []int{1, 0},
		Columns: []capture.Column{
			{Name: "id", Type: integer, Key: true},
			{Name: `re"gion`, Type: text, Key: true},
			{Name: "total", Type: number},
			{Name: "doc", Type: text},
		},
	}
	lines = &capture.Table{Schema: "shop", Name: "Order Lines", Columns: []capture.Column{{Name: "n", Type: integer}}}

	commit = &capture.Tx{
		LSN: 0x16B3748, XID: 4711, Epoch: 0x00ab12cd,
		Time: time.Date(2026, 11, 23, 11, 0, 0, 120_000_999, time.FixedZone("", 3600)),
	}
	copied = &capture.Tx{LSN: 0x16B3747, Epoch: 0xffffffff, Time: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
)

// row makes values: a string is text, nil a null, a ValueKind itself.
func row(values ...any) []capture.Value {
	r := make([]capture.Value, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case string:
			r[i] = capture.Value{Kind: capture.Text, Bytes: []byte(v)}
		case capture.ValueKind:
			r[i].Kind = v
		}
	}
	return r
}

func change(op capture.Op, before, after []capture.Value) *capture.Change {
	tx := commit
	if op == capture.Read {
		tx = copied
	}
	return &capture.Change{Tx: tx, Seq: 3, Op: op, Table: orders, Before: before, After: after}
}

// record is a format.Record that reads well in a difference.
type record struct {
	Key, Value string // "null" when nil
	Headers    []string
}

func readable(r format.Record) record {
	out := record{Key: "null", Value: "null"}
	if r.Key != nil {
		out.Key = string(r.Key)
	}
	if r.Value != nil {
		out.Value = string(r.Value)
	}
	for _, h := range r.Headers {
		v := "null"
		if h.Value != nil {
			v = string(h.Value)
		}
		out.Headers = append(out.Headers, h.Name+": "+v)
	}
	return out
}

// appendTo appends an event as a sink does.
func appendTo(t *testing.T, e format.Encoder, b *format.Buffer, ev *transform.Event) error {
	if err := e.Prepare(t.Context(), ev.Change.Table); err != nil {
		return err
	}
	return e.Append(b, ev)
}

func encode(t *testing.T, name string, o format.Options, events ...transform.Event) []record {
	t.Helper()
	o.Pipeline = "shop"
	e, err := formats.New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	var b format.Buffer
	for i := range events {
		if err := appendTo(t, e, &b, &events[i]); err != nil {
			t.Fatal(err)
		}
	}
	var out []record
	for _, r := range b.Records {
		if r.Tombstone != (r.Value == nil) {
			t.Errorf("record of key %s: Tombstone is %v, and the value %q", r.Key, r.Tombstone, r.Value)
		}
		if name != format.CloudEvents && name != format.Raw && r.Value != nil && !json.Valid(r.Value) {
			t.Errorf("not JSON: %s", r.Value)
		}
		out = append(out, readable(r))
	}
	return out
}

func check(t *testing.T, got []record, want ...record) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("records differ (- wanted, + got):\n%s", d)
	}
}

const tail = `,"lsn":"0/16B3748","seq":3,"xid":4711,"time":"2026-11-23T10:00:00.120000Z"}`

func TestJSONOfPlainChanges(t *testing.T) {
	const head = `,"schema":"public","table":"orders","row":`
	full := row("7", "EU", "1.50", "x")
	for _, c := range []struct {
		name          string
		change        *capture.Change
		key, value    string
		tombstoneToo  bool
		numericNumber bool
	}{
		{
			name: "insert", change: change(capture.Insert, nil, full), key: `{"re\"gion":"EU","id":7}`,
			value: `{"op":"insert"` + head + `{"id":7,"re\"gion":"EU","total":"1.50","doc":"x"}` + tail,
		},
		{
			name: "numeric as number", change: change(capture.Insert, nil, full), key: `{"re\"gion":"EU","id":7}`,
			value:         `{"op":"insert"` + head + `{"id":7,"re\"gion":"EU","total":1.50,"doc":"x"}` + tail,
			numericNumber: true,
		},
		{
			name:   "update with old and unchanged",
			change: change(capture.Update, row("7", "EU", nil, capture.Unchanged), row("7", "EU", "2", capture.Unchanged)),
			key:    `{"re\"gion":"EU","id":7}`,
			value: `{"op":"update"` + head + `{"id":7,"re\"gion":"EU","total":"2"},"old":{"id":7,"re\"gion":"EU",` +
				`"total":null},"unchanged":["doc"]` + tail,
		},
		{
			name: "update without old", change: change(capture.Update, nil, row("7", "EU", capture.Unchanged, capture.Unchanged)),
			key:   `{"re\"gion":"EU","id":7}`,
			value: `{"op":"update"` + head + `{"id":7,"re\"gion":"EU"},"unchanged":["total","doc"]` + tail,
		},
		{
			name:   "key only in the old row",
			change: change(capture.Update, row("7", "EU", capture.Absent, capture.Absent), row("7", capture.Unchanged, "2", nil)),
			key:    `{"re\"gion":"EU","id":7}`,
			value: `{"op":"update"` + head + `{"id":7,"total":"2","doc":null},"old":{"id":7,"re\"gion":"EU"},` +
				`"unchanged":["re\"gion"]` + tail,
		},
		{
			name: "delete", change: change(capture.Delete, row("7", nil, capture.Absent, capture.Absent), nil),
			key:          `{"re\"gion":null,"id":7}`,
			value:        `{"op":"delete"` + head + `null,"old":{"id":7,"re\"gion":null}` + tail,
			tombstoneToo: true,
		},
		{
			name: "truncate", change: change(capture.Truncate, nil, nil), key: "null",
			value: `{"op":"truncate"` + head + `null` + tail,
		},
		{
			name: "read", change: change(capture.Read, nil, full), key: `{"re\"gion":"EU","id":7}`,
			value: `{"op":"read"` + head + `{"id":7,"re\"gion":"EU","total":"1.50","doc":"x"}` +
				`,"lsn":"0/16B3748","seq":3,"xid":null,"time":"2026-11-23T10:00:00.000000Z"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := format.Options{NumericAsNumber: c.numericNumber}
			want := []record{{Key: c.key, Value: c.value}}
			check(t, encode(t, format.JSON, o, transform.Event{Change: c.change}), want...)
			check(t, encode(t, format.Line, o, transform.Event{Change: c.change}), want...)
			if c.tombstoneToo {
				want = append(want, record{Key: c.key, Value: "null"})
			}
			o.Tombstones = true
			check(t, encode(t, format.JSON, o, transform.Event{Change: c.change}), want...)
		})
	}
}

func TestTableWithoutKey(t *testing.T) {
	e := transform.Event{Change: &capture.Change{Tx: commit, Op: capture.Delete, Table: lines, Before: row("1")}}
	check(t, encode(t, format.JSON, format.Options{Tombstones: true}, e), record{
		Key: "null",
		Value: `{"op":"delete","schema":"shop","table":"Order Lines","row":null,"old":{"n":1},` +
			`"lsn":"0/16B3748","seq":0,"xid":4711,"time":"2026-11-23T10:00:00.120000Z"}`,
	})
}

func TestJSONOfDressedEvents(t *testing.T) {
	c := change(capture.Delete, row("7", "EU", nil, nil), nil)
	traced := []transform.Header{{Name: "traceparent", Value: []byte("00-1")}, {Name: "none"}}
	const head = `{"op":"delete","schema":"public","table":"orders"`
	for _, e := range []struct {
		name string
		transform.Event
		json, line record
	}{
		{
			name:  "all",
			Event: transform.Event{Type: "Gone", Key: []byte("a\nb"), HasKey: true, Data: []byte("{\n}"), HasData: true, Headers: traced},
			json: record{
				"a\nb", head + `,"type":"Gone","key":"a\nb","data":{ }` + tail,
				[]string{"traceparent: 00-1", "none: null"},
			},
		},
		{
			name:  "data that is not JSON, a null key",
			Event: transform.Event{HasKey: true, Data: []byte("a b"), HasData: true},
			json:  record{"null", head + `,"key":null,"data":"a b"` + tail, nil},
		},
		{
			name:  "a tombstone",
			Event: transform.Event{Type: "Gone", HasData: true},
			json:  record{`{"re\"gion":"EU","id":7}`, "null", nil},
			line:  record{`{"re\"gion":"EU","id":7}`, head + `,"type":"Gone","data":null` + tail, nil},
		},
		{
			name:  "an id of its own, and bytes that are no text",
			Event: transform.Event{Type: "Gone", ID: []byte("a\"1"), Data: []byte{0xff, 0}, HasData: true, Opaque: true},
			json:  record{`{"re\"gion":"EU","id":7}`, head + `,"type":"Gone","id":"a\"1","data_base64":"/wA="` + tail, nil},
		},
		{
			name:  "a text",
			Event: transform.Event{Data: []byte("Grüße"), HasData: true, Opaque: true},
			json:  record{`{"re\"gion":"EU","id":7}`, head + `,"data":"Grüße"` + tail, nil},
		},
		{
			name:  "an empty payload",
			Event: transform.Event{Data: []byte{}, HasData: true, Opaque: true},
			json:  record{`{"re\"gion":"EU","id":7}`, head + `,"data":""` + tail, nil},
		},
		{
			name:  "only a key, which may be empty",
			Event: transform.Event{HasKey: true, Key: []byte{}},
			json: record{
				"", head + `,"key":"","row":null,"old":{"id":7,"re\"gion":"EU","total":null,"doc":null}` + tail,
				nil,
			},
		},
	} {
		t.Run(e.name, func(t *testing.T) {
			e.Change = c
			check(t, encode(t, format.JSON, format.Options{}, e.Event), e.json)
			if e.line.Key == "" {
				e.line = e.json
			}
			check(t, encode(t, format.Line, format.Options{}, e.Event), e.line)
		})
	}
}

func TestErrorsLeaveTheBufferAsItWas(t *testing.T) {
	for _, name := range []string{format.JSON, format.CloudEvents, format.Line} {
		e, err := formats.New(name, format.Options{Tombstones: true})
		if err != nil {
			t.Fatal(err)
		}
		var b format.Buffer
		headers := []transform.Header{{Name: "a", Value: []byte("b")}}
		good := transform.Event{Change: change(capture.Insert, nil, row("7", "EU", nil, nil)), Headers: headers}
		if err := appendTo(t, e, &b, &good); err != nil {
			t.Fatal(err)
		}
		records, size, count := len(b.Records), len(b.Bytes), len(b.Headers)
		for want, c := range map[error]*capture.Change{
			format.ErrKey:   change(capture.Delete, row("7", capture.Absent, nil, nil), nil),
			format.ErrShape: change(capture.Insert, nil, row("7")),
		} {
			err := appendTo(t, e, &b, &transform.Event{Change: c, Headers: headers})
			if !errors.Is(err, want) {
				t.Errorf("%s: the error is %v, want %v", name, err, want)
			}
			if len(b.Records) != records || len(b.Bytes) != size || len(b.Headers) != count {
				t.Errorf("%s: %v left something in the buffer", name, want)
			}
		}
	}
}

// An encoder refuses an event of another shape than the one that it was prepared for last.
func TestAppendNeedsPrepare(t *testing.T) {
	for _, name := range []string{format.JSON, format.CloudEvents, format.Line, format.Raw} {
		e, err := formats.New(name, format.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var b format.Buffer
		ev := transform.Event{Change: change(capture.Insert, nil, row("7", "EU", nil, nil)), HasData: true}
		if err := e.Append(&b, &ev); !errors.Is(err, format.ErrNotPrepared) {
			t.Errorf("%s: without Prepare the error is %v", name, err)
		}
		if err := e.Prepare(t.Context(), lines); err != nil {
			t.Fatal(err)
		}
		if err := e.Append(&b, &ev); !errors.Is(err, format.ErrNotPrepared) || len(b.Records) != 0 {
			t.Errorf("%s: prepared for another table the error is %v, with %d records", name, err, len(b.Records))
		}
		if err := appendTo(t, e, &b, &ev); err != nil || len(b.Records) != 1 {
			t.Errorf("%s: prepared, the error is %v, with %d records", name, err, len(b.Records))
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := formats.New("xml", format.Options{}); err == nil {
		t.Error("there is a format xml")
	}
}
