package formats_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
	"github.com/tailrace/tailrace/transform"
)

// headersOf are our headers of an event with a subject.
func headersOf(id, kind, subject string) []string {
	return []string{
		"ce_specversion: 1.0", "ce_id: " + id, "ce_source: /tailrace/shop", "ce_type: " + kind,
		"ce_time: 2026-11-23T10:00:00.120000Z", "ce_subject: " + subject, "content-type: application/json",
	}
}

func TestCloudEventsOfPlainChanges(t *testing.T) {
	const key, id = `{"re\"gion":"EU","id":7}`, "shop/00ab12cd/0/16B3748/3"
	full := row("7", "EU", "1.50", capture.Unchanged)
	update := change(capture.Update, row("7", "EU", nil, nil), full)
	check(t, encode(t, format.CloudEvents, format.Options{}, transform.Event{Change: update}), record{
		key,
		`{"op":"update","row":{"id":7,"re\"gion":"EU","total":"1.50"},` +
			`"old":{"id":7,"re\"gion":"EU","total":null,"doc":null},"unchanged":["doc"]}`,
		headersOf(id, "public.orders.update", key),
	})
	gone := transform.Event{Change: change(capture.Delete, row("7", "EU", nil, nil), nil), Suffix: "del"}
	check(t, encode(t, format.CloudEvents, format.Options{Tombstones: true}, gone), record{
		key,
		`{"op":"delete","row":null,"old":{"id":7,"re\"gion":"EU","total":null,"doc":null}}`,
		headersOf(id+"/del", "public.orders.delete", key),
	}, record{key, "null", nil})
	check(t, encode(t, format.CloudEvents, format.Options{}, transform.Event{Change: change(capture.Truncate, nil, nil)}), record{
		"null", `{"op":"truncate","row":null}`,
		[]string{
			"ce_specversion: 1.0", "ce_id: " + id, "ce_source: /tailrace/shop", "ce_type: public.orders.truncate",
			"ce_time: 2026-11-23T10:00:00.120000Z", "content-type: application/json",
		},
	})
}

func TestCloudEventsOfASnapshot(t *testing.T) {
	const key, at = `{"re\"gion":"EU","id":7}`, "shop/ffffffff/0/16B3748/read/"
	read := change(capture.Read, nil, row("7", "EU", nil, nil))
	keyless := &capture.Change{Tx: copied, Seq: 12, Op: capture.Read, Table: lines, After: row("1")}
	for _, c := range []struct {
		name  string
		event transform.Event
		id    string
	}{
		{"the key", transform.Event{Change: read}, at + "public.orders/" + key},
		{
			"a block's key is not an id",
			transform.Event{Change: read, HasKey: true, Key: []byte("9"), Suffix: "Seen"},
			at + "public.orders/" + key + "/Seen",
		},
		{"no key", transform.Event{Change: keyless}, at + "shop.Order Lines/12"},
	} {
		got := encode(t, format.CloudEvents, format.Options{}, c.event)
		if want := "ce_id: " + c.id; got[0].Headers[1] != want {
			t.Errorf("%s: %s, want %s", c.name, got[0].Headers[1], want)
		}
		if want := "ce_time: 2026-11-23T10:00:00.000000Z"; got[0].Headers[4] != want {
			t.Errorf("%s: %s, want %s", c.name, got[0].Headers[4], want)
		}
	}
}

func TestCloudEventsOfDressedEvents(t *testing.T) {
	e := transform.Event{
		Change: change(capture.Insert, nil, row("7", "EU", nil, nil)), Type: "OrderPaid", Suffix: "OrderPaid",
		Key: []byte("42"), HasKey: true, Data: []byte("<not json>"), HasData: true,
	}
	want := record{"42", "<not json>", headersOf("shop/00ab12cd/0/16B3748/3/OrderPaid", "OrderPaid", "42")}
	check(t, encode(t, format.CloudEvents, format.Options{Tombstones: true}, e), want)

	e.Headers = []transform.Header{{Name: "trace", Value: []byte("1")}, {Name: "ce_id", Value: []byte("own")}}
	given := append([]string{"trace: 1", "ce_id: own", want.Headers[0]}, want.Headers[2:]...)
	check(t, encode(t, format.CloudEvents, format.Options{}, e), record{"42", "<not json>", given})

	e.Data, e.Headers = nil, nil
	check(t, encode(t, format.CloudEvents, format.Options{}, e), record{"42", "null", want.Headers[:6]})
	e.Data = []byte{}
	check(t, encode(t, format.CloudEvents, format.Options{}, e), record{"42", "", want.Headers})
}

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestCloudEventsOfAnOutbox(t *testing.T) {
	e := transform.Event{
		Change: change(capture.Insert, nil, row("7", "EU", nil, nil)), Type: "OrderPaid", ID: []byte("9f1c"),
		Key: []byte("42"), HasKey: true, Data: []byte("{\n}"), HasData: true, Opaque: true,
		Headers: []transform.Header{{Name: "traceparent", Value: []byte(traceparent)}, {Name: "tracestate", Value: []byte("v=1")}},
	}
	ours := headersOf("9f1c", "OrderPaid", "42")
	want := append([]string{"traceparent: " + traceparent, "tracestate: v=1"}, ours[:6]...)
	want = append(want, ours[6], "ce_traceparent: "+traceparent, "ce_tracestate: v=1")
	check(t, encode(t, format.CloudEvents, format.Options{}, e), record{"42", "{\n}", want})

	e.Headers = nil
	for data, contentType := range map[string]string{
		"{\n}": "application/json", "7": "application/json", "paid": "application/octet-stream",
		"\xff\x00": "application/octet-stream", "": "application/octet-stream", `"` + "\xff" + `"`: "application/octet-stream",
	} {
		e.Data = []byte(data)
		check(t, encode(t, format.CloudEvents, format.Options{}, e),
			record{"42", data, append(append([]string(nil), ours[:6]...), "content-type: "+contentType)})
	}
}

// Records stay as they were when the buffer grows, and do not share memory with the event.
func TestRecordsOutliveTheirEvent(t *testing.T) {
	e, err := formats.New(format.CloudEvents, format.Options{Pipeline: "shop", Tombstones: true})
	if err != nil {
		t.Fatal(err)
	}
	var b format.Buffer
	values := row("7", "EU", "1", "x")
	header := []byte("1")
	ev := transform.Event{Change: change(capture.Insert, nil, values), Headers: []transform.Header{{Name: "h", Value: header}}}
	dressed := transform.Event{
		Change: change(capture.Insert, nil, values), Key: []byte("key"), HasKey: true, Data: []byte("data"), HasData: true,
	}
	for range 200 {
		for _, ev := range []*transform.Event{&ev, &dressed} {
			if err := appendTo(t, e, &b, ev); err != nil {
				t.Fatal(err)
			}
		}
	}
	copy(values[1].Bytes, "XX")
	copy(dressed.Key, "XXX")
	copy(dressed.Data, "XXXX")
	header[0] = 'X'
	for i := 2; i < len(b.Records); i++ {
		check(t, []record{readable(b.Records[i])}, readable(b.Records[i%2]))
	}
	first := readable(b.Records[0])
	if first.Key != `{"re\"gion":"EU","id":7}` || first.Headers[0] != "h: 1" || readable(b.Records[1]).Value != "data" {
		t.Errorf("records changed with their event: %+v %+v", first, readable(b.Records[1]))
	}
}

// One encoder goes from transaction to transaction and from table to table.
func TestTransactionsAndTablesInTurn(t *testing.T) {
	other := &capture.Tx{LSN: 0x2_00000010, XID: 1, Epoch: 1, Time: commit.Time}
	a := transform.Event{Change: change(capture.Insert, nil, row("7", "EU", nil, nil))}
	b := transform.Event{Change: &capture.Change{Tx: other, Op: capture.Insert, Table: lines, After: row("1")}}
	for _, name := range []string{format.JSON, format.CloudEvents} {
		one, two := encode(t, name, format.Options{}, a), encode(t, name, format.Options{}, b)
		check(t, encode(t, name, format.Options{}, a, b, a, a, b), one[0], two[0], one[0], one[0], two[0])
	}
}
