package tail

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

var table = &capture.Table{
	Schema: "public", Name: "orders", Key: []int{0},
	Columns: []capture.Column{
		{Name: "id", Type: &capture.Type{Name: "int4", Kind: capture.KindInt}, Key: true, Identity: true},
		{Name: "note", Type: &capture.Type{Name: "text", Kind: capture.KindText}},
	},
}

func value(text string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(text)} }

// row is the insert of row n with a note.
func row(n int, note string) transform.Event {
	return transform.Event{Change: &capture.Change{
		Tx: &capture.Tx{LSN: 0x100, Annotations: []byte("{}")}, Seq: uint64(n), Table: table, After: []capture.Value{value(fmt.Sprint(n)), value(note)},
	}}
}

func rows(from, n int) (list []transform.Event) {
	for i := range n {
		list = append(list, row(from+i, "x"))
	}
	return list
}

// kept returns the numbers of the rows that a ring has, from a number on, and checks that each is at its place.
func kept(t *rapid.T, r *Ring, from uint64) (list []uint64) {
	for {
		s, record, ok := r.read(from, nil)
		if !ok {
			return list
		}
		e := readEntry(&s, record)
		if e.change.Seq != s.number || e.change.After[0].String() != fmt.Sprint(s.number) || e.change.Tx.Annotations != nil {
			t.Fatalf("event %d is %+v", s.number, e.change)
		}
		list, from = append(list, s.number), s.number+1
	}
}

// Whatever the sizes of events, a ring has the newest ones, in their order, each as it was, within its memory.
func TestRingKeepsTheNewestEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Ring{}
		next := 0
		for range rapid.IntRange(1, 40).Draw(t, "writes") {
			var events []transform.Event
			for range rapid.IntRange(1, 30).Draw(t, "events") {
				events = append(events, row(next+len(events), strings.Repeat("x", rapid.SampledFrom([]int{0, 10, 300, 9_000, 20_000}).Draw(t, "size"))))
			}
			next += len(events)
			r.Accepted(events, nil)
			list := kept(t, r, 0)
			if len(list) < min(next, Bytes/(eventBytes+100)) || len(list) > MaxEvents || list[len(list)-1] != uint64(next-1) {
				t.Fatalf("of %d events the ring has %v", next, list)
			}
			if len(r.memory) != Bytes || cap(r.scratch) > 2*eventBytes {
				t.Fatalf("it takes %d and %d bytes", len(r.memory), cap(r.scratch))
			}
		}
	})
}

// While nothing reads, only the end of a large Write is kept; with a reader, as much as the ring can have.
func TestRingKeepsTheEndOfALargeWrite(t *testing.T) {
	r := &Ring{}
	r.Accepted(rows(0, 1000), nil)
	if from, next := r.join(nil, MaxEvents); from != 1000-unreadEvents || next != 1000 {
		t.Errorf("without a reader it has the events from %d up to %d", from, next)
	}
	r.Accepted(rows(1000, 1000), nil)
	if from, next := r.join(nil, MaxEvents+1); from != 2000-MaxEvents || next != 2000 {
		t.Errorf("with one it has the events from %d up to %d", from, next)
	}
	r.leave(nil)
	if len(r.readers) != 0 {
		t.Errorf("%d readers are left", len(r.readers))
	}
	for n, want := range map[int]uint64{0: 2000, 1: 1999, 20: 1980} {
		if from, _ := r.join(nil, n); from != want {
			t.Errorf("the last %d begin at %d, want %d", n, from, want)
		}
	}
}

func TestNothingIsKeptOfNoEvents(t *testing.T) {
	r := &Ring{}
	r.Accepted(nil, nil)
	if r.memory != nil {
		t.Error("a sink without events takes memory")
	}
	if from, next := r.join(nil, 10); from != 0 || next != 0 {
		t.Error(from, next)
	}
}

// A payload replaces the row: of a change that a block has turned into an event the ring has no value but the key's.
func TestRingHasNoValuesThatAreNotPublished(t *testing.T) {
	const secret = "canary-7f3a"
	e := row(7, secret)
	e.Change.Before = []capture.Value{value("7"), value(secret)}
	e.Type, e.HasData, e.Data = "OrderPaid", true, []byte(`{"id":7}`)
	withKey := e
	withKey.HasKey, withKey.Key = true, []byte("k")
	r := &Ring{}
	r.Accepted([]transform.Event{e, withKey}, nil)
	if strings.Contains(string(r.memory), secret) || strings.Contains(string(r.scratch), secret) {
		t.Error("the ring has a value that is not published")
	}
	s, record, _ := r.read(0, nil)
	got := readEntry(&s, record)
	if got.change.After[0].String() != "7" || got.change.After[1].Kind != capture.Absent || string(got.event.Data) != `{"id":7}` {
		t.Errorf("%+v", got)
	}
	s, record, _ = r.read(1, nil)
	if got = readEntry(&s, record); got.change.After[0].Kind != capture.Absent || string(got.event.Key) != "k" {
		t.Errorf("%+v", got)
	}
}

// A value that does not fit is omitted with its size, and what follows it is kept.
func TestLargeValuesAreOmitted(t *testing.T) {
	e := row(1, strings.Repeat("x", eventBytes+1))
	e.Change.Before = []capture.Value{value("1"), value("old")}
	e.Headers = []transform.Header{{Name: "big", Value: make([]byte, 5*eventBytes)}, {Name: "none"}, {Name: "empty", Value: []byte{}}}
	r := &Ring{}
	r.Accepted([]transform.Event{e}, nil)
	s, record, _ := r.read(0, nil)
	got := readEntry(&s, record)
	if got.omitted["note"] != eventBytes+1 || got.omitted["header big"] != 5*eventBytes || len(got.omitted) != 2 {
		t.Errorf("omitted: %v", got.omitted)
	}
	if got.change.After[1].Kind != capture.Absent || got.change.Before[1].String() != "old" {
		t.Errorf("%+v", got.change)
	}
	if h := got.event.Headers; h[1].Value != nil || h[2].Value == nil || len(h[2].Value) != 0 {
		t.Errorf("%q", h)
	}
}

func TestRejectedEventsHaveTheirReason(t *testing.T) {
	events := rows(0, 3)
	r := &Ring{}
	why := &sink.Rejected{Reason: "too_large", Err: errors.New("2 MB"), Table: "public.orders", Key: "1", At: capture.Position{LSN: 0x100, Seq: 9}}
	r.Accepted(events, []sink.Diverted{{Event: &events[1], Why: why}})
	r.Rejected(why)
	var got []string
	for from := range uint64(4) {
		s, record, _ := r.read(from, nil)
		e := readEntry(&s, record)
		got = append(got, fmt.Sprintf("%d %v %v %s %s %s", e.change.Seq, e.rejected, e.halting, e.reason, e.cause, e.table))
	}
	if want := "0 false false   |1 true false too_large 2 MB |2 false false   |9 true true too_large 2 MB public.orders"; strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", strings.Join(got, "|"), want)
	}
}

// Readers of all speeds see events in order and know how many they have missed, while the sink waits for none of them.
func TestReadersNextToTheSink(t *testing.T) {
	const writes, perWrite = 300, 50
	r := &Ring{}
	done := make(chan struct{})
	var all sync.WaitGroup
	for speed := range 4 {
		wake := make(chan struct{}, 1)
		from, _ := r.join(wake, 0)
		all.Go(func() {
			defer r.leave(wake)
			shown, skipped := 0, 0
			for end := false; ; {
				s, record, ok := r.read(from, nil)
				switch {
				case ok:
					if e := readEntry(&s, record); e.change.Seq != s.number {
						t.Errorf("event %d is %d", s.number, e.change.Seq)
					}
					shown, skipped = shown+1, skipped+int(s.number-from)
					from = s.number + 1
					if speed > 0 && shown%speed == 0 {
						<-wake
					}
				case end:
					if shown+skipped != writes*perWrite {
						t.Errorf("%d shown, %d skipped of %d", shown, skipped, writes*perWrite)
					}
					return
				default:
					select {
					case <-wake:
					case <-done:
						end = true
					}
				}
			}
		})
	}
	for n := range writes {
		r.Accepted(rows(n*perWrite, perWrite), nil)
	}
	close(done)
	stop := make(chan struct{})
	go func() { // those that wait for a wake-up between events
		for {
			select {
			case <-stop:
				return
			default:
				r.mu.Lock()
				r.notifyLocked()
				r.mu.Unlock()
			}
		}
	}()
	all.Wait()
	close(stop)
	if len(r.readers) != 0 {
		t.Errorf("%d readers are left", len(r.readers))
	}
}

// A Write costs no allocation, whether something reads or not.
func TestAcceptedAllocatesNothing(t *testing.T) {
	for name, read := range map[string]bool{"unread": false, "read": true} {
		r, events := &Ring{}, rows(0, 1000)
		if read {
			r.join(make(chan struct{}, 1), 0)
		}
		r.Accepted(events, nil)
		if n := testing.AllocsPerRun(100, func() { r.Accepted(events, nil) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAccepted(b *testing.B) {
	for _, n := range []int{1, 20, 1000} {
		for _, read := range []bool{false, true} {
			b.Run(fmt.Sprintf("events=%d/read=%v", n, read), func(b *testing.B) {
				r, events := &Ring{}, rows(0, n)
				if read {
					r.join(make(chan struct{}, 1), 0)
				}
				b.ReportAllocs()
				for b.Loop() {
					r.Accepted(events, nil)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
			})
		}
	}
}
