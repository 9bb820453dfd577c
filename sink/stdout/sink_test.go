package stdout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/stdout"
	"github.com/tailrace/tailrace/transform"
)

var (
	orders = &capture.Table{Schema: "public", Name: "orders", Key: []int{0}, Columns: []capture.Column{
		{Name: "note", Type: &capture.Type{Name: "text"}},
	}}
	at = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
)

// batch returns one transaction that inserts one row per note and commits at lsn.
func batch(lsn capture.LSN, notes ...string) sink.Batch {
	tx := &capture.Tx{LSN: lsn, XID: 7, Time: at}
	b := sink.Batch{End: capture.Position{LSN: lsn + 8}, Commit: true}
	for i, note := range notes {
		row := []capture.Value{{Kind: capture.Text, Bytes: []byte(note)}}
		c := &capture.Change{Tx: tx, Seq: uint64(i), Op: capture.Insert, Table: orders, After: row}
		b.Events = append(b.Events, transform.Event{Change: c})
	}
	return b
}

func line(lsn capture.LSN, seq int, note string) string {
	return fmt.Sprintf(`{"op":"insert","schema":"public","table":"orders","row":{"note":"%s"},"lsn":"%s","seq":%d,"xid":7,`+
		`"time":"2026-11-23T10:00:00.000000Z"}`+"\n", note, lsn, seq)
}

// output records the data of each Write.
type output struct{ writes []string }

func (o *output) Write(b []byte) (int, error) {
	o.writes = append(o.writes, string(b))
	return len(b), nil
}

// lane records the durable positions.
type lane struct{ durable []capture.Position }

func (l *lane) open(t *testing.T, s *stdout.Sink) sink.Writer {
	t.Helper()
	w, progress, err := s.Open(t.Context(), sink.Lane{Name: "main", OnDurable: func(p capture.Position) { l.durable = append(l.durable, p) }})
	if err != nil || progress.Record != sink.RecordUnsupported {
		t.Fatalf("open: %+v, %v", progress, err)
	}
	return w
}

func (l *lane) check(t *testing.T, want ...capture.Position) {
	t.Helper()
	if !slices.Equal(l.durable, want) {
		t.Errorf("held %v, want %v", l.durable, want)
	}
}

func newSink(t *testing.T, out interface{ Write([]byte) (int, error) }) *stdout.Sink {
	t.Helper()
	s, err := stdout.New(out, format.Options{Pipeline: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLinesAreHeldAtOnce(t *testing.T) {
	var out output
	var l lane
	w := l.open(t, newSink(t, &out))
	idle := sink.Batch{End: capture.Position{LSN: 0x300}, Commit: true}
	for _, batches := range [][]sink.Batch{{batch(0x100, "a", "b"), batch(0x200, "c")}, {idle}, {}, {batch(0x400, "d")}} {
		if err := w.Write(t.Context(), batches); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{line(0x100, 0, "a") + line(0x100, 1, "b") + line(0x200, 0, "c"), line(0x400, 0, "d")}
	if !slices.Equal(out.writes, want) {
		t.Errorf("printed %q, want %q", out.writes, want)
	}
	l.check(t, capture.Position{LSN: 0x208}, idle.End, capture.Position{LSN: 0x408})
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Write(t.Context(), []sink.Batch{batch(0x500, "e")}); err == nil || len(out.writes) != 2 {
		t.Errorf("a closed writer printed, or has no error: %v", err)
	}
}

func TestLargeWritesGoOutInWholeLines(t *testing.T) {
	var out output
	var l lane
	w := l.open(t, newSink(t, &out))
	notes, want := make([]string, 40), ""
	for i := range notes {
		notes[i] = strings.Repeat(string(rune('a'+i%26)), 50_000)
		want += line(0x100, i, notes[i])
	}
	if err := w.Write(t.Context(), []sink.Batch{batch(0x100, notes...)}); err != nil {
		t.Fatal(err)
	}
	if strings.Join(out.writes, "") != want {
		t.Error("what was printed differs")
	}
	for _, part := range out.writes {
		if len(part) > 400_000 || !strings.HasSuffix(part, "\n") {
			t.Errorf("%d bytes at once, the last is %q", len(part), part[len(part)-1:])
		}
	}
	l.check(t, capture.Position{LSN: 0x108})
}

// The events that precede one that cannot be encoded are still printed.
func TestRejectedEvent(t *testing.T) {
	var out output
	var l lane
	w := l.open(t, newSink(t, &out))
	bad := batch(0x200, "b", "bad", "c")
	bad.Events[1].Change.After = nil
	bad.Events[1].Change.Before = []capture.Value{{Kind: capture.Absent}}
	err := w.Write(t.Context(), []sink.Batch{batch(0x100, "a"), bad})
	var rejected *sink.Rejected
	if !errors.As(err, &rejected) || !errors.Is(err, format.ErrKey) {
		t.Fatalf("the error is %v", err)
	}
	place := capture.Position{LSN: 0x200, Seq: 1}
	if rejected.At != place || rejected.Table != "public.orders" || rejected.Reason != "no_key" {
		t.Errorf("%+v", rejected)
	}
	if got, want := strings.Join(out.writes, ""), line(0x100, 0, "a")+line(0x200, 0, "b"); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	l.check(t, place)
	if again := w.Write(t.Context(), nil); !errors.Is(again, err) {
		t.Errorf("the error is not final: %v", again)
	}
}

func TestNobodyReads(t *testing.T) {
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r.Close()
	var l lane
	w := l.open(t, newSink(t, out))
	err = w.Write(t.Context(), []sink.Batch{batch(0x100, "a")})
	if p := capture.AsProblem(err); p == nil || p.State != "stdout_closed" || !p.Halted || p.Fix == "" {
		t.Errorf("the error is %v", err)
	}
	l.check(t)
	if again := w.Write(t.Context(), nil); !errors.Is(again, err) {
		t.Errorf("the error is not final: %v", again)
	}
}

// stuck is an output that blocks until it is released.
type stuck struct {
	let  chan struct{}
	took bytes.Buffer
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.let
	return s.took.Write(b)
}

// A blocked write returns when its context ends; its remaining output precedes that of the next Writer.
func TestStuckOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{let: make(chan struct{})}
		s := newSink(t, out)
		var l lane
		old := l.open(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := old.Write(ctx, []sink.Batch{batch(0x100, "a")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the error is %v", err)
		}
		l.check(t)
		if err := old.Close(); err != nil {
			t.Error(err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := s.Open(ctx, sink.Lane{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("opened while the output was stuck: %v", err)
		}
		go func() {
			time.Sleep(time.Minute)
			close(out.let)
		}()
		w := l.open(t, s)
		if got, want := out.took.String(), line(0x100, 0, "a"); got != want {
			t.Errorf("when Open returned the output had %q, want %q", got, want)
		}
		if err := w.Write(t.Context(), []sink.Batch{batch(0x100, "a")}); err != nil {
			t.Error(err)
		}
		l.check(t, capture.Position{LSN: 0x108})
	})
}

// The Writer that was opened last owns the output.
func TestFenced(t *testing.T) {
	var out output
	var l lane
	s := newSink(t, &out)
	old := l.open(t, s)
	next := l.open(t, s)
	for _, b := range []sink.Batch{batch(0x100, "zombie"), {End: capture.Position{LSN: 0x300}, Commit: true}} {
		if err := old.Write(t.Context(), []sink.Batch{b}); !errors.Is(err, sink.ErrFenced) {
			t.Errorf("the error is %v", err)
		}
	}
	if len(out.writes) > 0 {
		t.Errorf("the fenced writer printed %q", out.writes)
	}
	l.check(t)
	if err := next.Write(t.Context(), []sink.Batch{batch(0x100, "a")}); err != nil {
		t.Error(err)
	}
	l.check(t, capture.Position{LSN: 0x108})
}
