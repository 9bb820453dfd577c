package formats_test

import (
	"errors"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
	"github.com/tailrace/tailrace/transform"
)

func TestRaw(t *testing.T) {
	insert := change(capture.Insert, nil, row("7", "EU", nil, nil))
	for _, c := range []struct {
		name  string
		event transform.Event
		want  record
	}{
		{
			"everything that a block can set",
			transform.Event{
				Type: "OrderPaid", Suffix: "x", ID: []byte("9f1c"), Key: []byte("42"), HasKey: true, Data: []byte("\xff\n{"), HasData: true,
				Opaque: true, Headers: []transform.Header{{Name: "tenant", Value: []byte("a")}, {Name: "none"}, {Name: "ce_subject", Value: []byte("s")}},
			},
			record{"42", "\xff\n{", []string{"tenant: a", "none: null"}},
		},
		{"the key of the table", transform.Event{Data: []byte("x"), HasData: true}, record{`{"re\"gion":"EU","id":7}`, "x", nil}},
		{"a null key", transform.Event{HasKey: true, Data: []byte("x"), HasData: true}, record{"null", "x", nil}},
		{"a tombstone", transform.Event{Key: []byte("42"), HasKey: true, HasData: true}, record{"42", "null", nil}},
		{"an empty payload", transform.Event{Key: []byte("42"), HasKey: true, Data: []byte{}, HasData: true}, record{"42", "", nil}},
	} {
		c.event.Change = insert
		t.Run(c.name, func(t *testing.T) {
			check(t, encode(t, format.Raw, format.Options{Tombstones: true}, c.event), c.want)
		})
	}
}

func TestRawRefusesAPlainChange(t *testing.T) {
	e, err := formats.New(format.Raw, format.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b format.Buffer
	keyless := transform.Event{Change: change(capture.Delete, row("7", capture.Absent, nil, nil), nil), HasData: true}
	plain := transform.Event{Change: change(capture.Insert, nil, row("7", "EU", nil, nil))}
	for want, ev := range map[error]transform.Event{format.ErrNoPayload: plain, format.ErrKey: keyless} {
		ev.Headers = []transform.Header{{Name: "a", Value: []byte("b")}}
		if err := appendTo(t, e, &b, &ev); !errors.Is(err, want) || len(b.Records)+len(b.Bytes)+len(b.Headers) != 0 {
			t.Errorf("%v, want %v, with %d records and %d bytes", err, want, len(b.Records), len(b.Bytes))
		}
	}
	if r := format.Reason(format.ErrNoPayload); r != "no_payload" {
		t.Errorf("the reason is %s", r)
	}
}

// A message has no table: its prefix has the name.
func TestMessages(t *testing.T) {
	prefix := &capture.Table{Name: "shop.paid", Columns: []capture.Column{{Name: "content", Type: text}}}
	e := transform.Event{
		Change: &capture.Change{Tx: commit, Seq: 3, Op: capture.Message, Table: prefix, After: row(`{"a":1}`)},
		Type:   "shop.paid", Data: []byte(`{"a":1}`), HasData: true, Opaque: true,
	}
	check(t, encode(t, format.Line, format.Options{}, e),
		record{"null", `{"op":"message","prefix":"shop.paid","type":"shop.paid","data":{"a":1}` + tail, nil})
	got := encode(t, format.CloudEvents, format.Options{}, e)
	if got[0].Value != `{"a":1}` || got[0].Headers[1] != "ce_id: shop/00ab12cd/0/16B3748/3" || got[0].Headers[3] != "ce_type: shop.paid" {
		t.Errorf("a message is %+v", got[0])
	}
}
