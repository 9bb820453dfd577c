package kafka_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

// lane is an open Writer and what it said.
type lane struct {
	sink.Writer
	t        *testing.T
	progress sink.Progress
	held     chan capture.Position
	failed   chan error
	lsn      capture.LSN
}

func open(t *testing.T, s sink.Sink) *lane {
	t.Helper()
	l, err := tryOpen(t, s)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return l
}

func tryOpen(t *testing.T, s sink.Sink) (*lane, error) { return tryOpenFrom(t, s, sinktest.Origin) }

// tryOpenFrom is tryOpen for the lane of a source.
func tryOpenFrom(t *testing.T, s sink.Sink, from capture.Origin) (*lane, error) {
	l := &lane{t: t, held: make(chan capture.Position, 1000), failed: make(chan error, 1)}
	var err error
	l.Writer, l.progress, err = s.Open(t.Context(), sink.Lane{
		Name: "main", Origin: from,
		OnDurable: func(p capture.Position) { l.held <- p },
		Failed:    func(err error) { l.failed <- err },
	})
	if err != nil {
		return nil, err
	}
	l.lsn = max(0x1000, l.progress.Position.LSN)
	t.Cleanup(func() { l.Close(); s.Close() })
	return l, nil
}

// row is one change of a row of sinktest.Table.
func row(op capture.Op, key, version int, pad string) transform.Event {
	text := func(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }
	values := []capture.Value{text(strconv.Itoa(key)), text(strconv.Itoa(version)), text(pad)}
	c := &capture.Change{Op: op, Table: sinktest.Table}
	switch op {
	case capture.Delete:
		c.Before = values
	case capture.Truncate:
	default:
		c.After = values
	}
	return transform.Event{Change: c}
}

// write writes one transaction.
func (l *lane) write(events ...transform.Event) (capture.Position, error) {
	l.lsn += 0x100
	tx := &capture.Tx{LSN: l.lsn, Time: time.Unix(1_700_000_000, 0).UTC(), Epoch: 7}
	for i := range events {
		events[i].Change.Tx, events[i].Change.Seq = tx, uint64(i)
	}
	end := capture.Position{LSN: l.lsn + 0x80}
	ctx, stop := context.WithTimeout(l.t.Context(), time.Minute)
	defer stop()
	return end, l.Write(ctx, []sink.Batch{{Events: events, End: end, Commit: true}})
}

func (l *lane) mustWrite(events ...transform.Event) capture.Position {
	l.t.Helper()
	end, err := l.write(events...)
	if err != nil {
		l.t.Fatalf("write: %v", err)
	}
	return end
}

// wait waits until p is held.
func (l *lane) wait(p capture.Position) {
	l.t.Helper()
	for timeout := time.After(time.Minute); ; {
		select {
		case at := <-l.held:
			if !at.Before(p) {
				return
			}
		case err := <-l.failed:
			l.t.Fatalf("failed before %s was held: %v", p, err)
		case <-timeout:
			l.t.Fatalf("%s is not held", p)
		}
	}
}

// failure waits for the error of the Writer.
func (l *lane) failure() error {
	l.t.Helper()
	select {
	case err := <-l.failed:
		return err
	case <-time.After(time.Minute):
		l.t.Fatal("the Writer does not fail")
		return nil
	}
}

func pad(n int) string { return strings.Repeat("x", n) }

// problem checks that err is a named state.
func problem(t *testing.T, err error, state string) *capture.Problem {
	t.Helper()
	p := capture.AsProblem(err)
	if p == nil || p.State != state {
		t.Fatalf("error %v, want the state %s", err, state)
	}
	if p.Fix == "" {
		t.Errorf("%s has no fix", state)
	}
	return p
}
