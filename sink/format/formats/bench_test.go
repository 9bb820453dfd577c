package formats_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
	"github.com/tailrace/tailrace/transform"
)

// six is a row of six columns and about 100 bytes, as in the figures of the design.
func six() transform.Event {
	of := func(name string, k capture.TypeKind) capture.Column {
		return capture.Column{Name: name, Type: &capture.Type{Name: name, Kind: k}}
	}
	t := &capture.Table{Schema: "public", Name: "orders", Key: []int{0}, Columns: []capture.Column{
		of("id", capture.KindInt), of("customer_id", capture.KindInt), of("status", capture.KindText),
		of("total", capture.KindNumeric), of("note", capture.KindText), of("updated_at", capture.KindTimestampTZ),
	}}
	values := row("1234567", "99812", "pending", "1234.56", "a note of the customer, forty bytes long", "2026-11-23 10:00:00.123456+00")
	return transform.Event{Change: &capture.Change{Tx: commit, Seq: 12345, Op: capture.Insert, Table: t, After: values}}
}

func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{format.JSON, format.CloudEvents} {
		b.Run(name, func(b *testing.B) {
			e, err := formats.New(name, format.Options{Pipeline: "shop"})
			if err != nil {
				b.Fatal(err)
			}
			ev := six()
			if err := e.Prepare(b.Context(), ev.Change.Table); err != nil {
				b.Fatal(err)
			}
			var buf format.Buffer
			b.ReportAllocs()
			for b.Loop() {
				if len(buf.Bytes) > 256<<10 {
					buf.Reset()
				}
				if err := e.Append(&buf, &ev); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Every kind of event is encoded without an allocation once the buffer is as large as it gets.
func TestNothingIsAllocated(t *testing.T) {
	plain := six()
	gone := plain
	gone.Change = &capture.Change{Tx: commit, Op: capture.Delete, Table: plain.Change.Table, Before: plain.Change.After}
	dressed := plain
	dressed.Type, dressed.Suffix = "OrderPaidWithANameThatIsLongerThanThirtyTwoBytes", "OrderPaid"
	dressed.Key, dressed.HasKey, dressed.Data, dressed.HasData = []byte("7"), true, []byte(`{"a":[1,"b"]}`), true
	dressed.Headers = []transform.Header{{Name: "a", Value: []byte("b")}}
	events := []transform.Event{plain, gone, dressed}
	for _, name := range []string{format.JSON, format.CloudEvents, format.Line} {
		e, err := formats.New(name, format.Options{Pipeline: "shop", Tombstones: true})
		if err != nil {
			t.Fatal(err)
		}
		var b format.Buffer
		n := testing.AllocsPerRun(100, func() {
			b.Reset()
			for i := range events {
				if err := appendTo(t, e, &b, &events[i]); err != nil {
					t.Fatal(err)
				}
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations for %d events", name, n, len(events))
		}
	}
}
