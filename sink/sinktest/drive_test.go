package sinktest

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// lateSink is a sink whose first Writer accepts everything, makes nothing durable and fails once it gets no more writes.
type lateSink struct {
	opens int
	seen  []Seen
}

func (s *lateSink) Open(_ context.Context, l sink.Lane) (sink.Writer, sink.Progress, error) {
	s.opens++
	w := &lateWriter{sink: s, lane: l, last: s.opens > 1}
	if !w.last {
		w.idle = time.AfterFunc(time.Hour, func() { l.Failed(errors.New("late")) })
	}
	return w, sink.Progress{Record: sink.RecordNone}, nil
}

func (s *lateSink) Close() error { return nil }

type lateWriter struct {
	sink *lateSink
	lane sink.Lane
	last bool
	idle *time.Timer
}

func (w *lateWriter) Write(_ context.Context, batches []sink.Batch) error {
	if !w.last {
		w.idle.Reset(300 * time.Millisecond)
		return nil
	}
	for _, b := range batches {
		for i := range b.Events {
			w.sink.seen = append(w.sink.seen, Seen{Key: number(b.Events[i].Change.After[0]), Version: number(b.Events[i].Change.After[1])})
		}
		w.lane.OnDurable(b.End)
	}
	return nil
}

func (w *lateWriter) Close() error { return nil }

func number(v capture.Value) int {
	n, _ := strconv.Atoi(v.String())
	return n
}

// A Writer may fail after the last Write. The driver then opens the sink again, as a lane does.
func TestDriveGoesOnAfterALateFailure(t *testing.T) {
	s := &lateSink{}
	report := Drive(t, Target{
		New: func(*testing.T) sink.Sink { return s }, Read: func(*testing.T) []Seen { return s.seen },
	}, func() error { return nil })
	if report.Opens != 2 || len(report.Errors) != 1 {
		t.Error(report)
	}
}
