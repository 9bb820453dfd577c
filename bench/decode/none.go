package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// settings is the block of a sink "none".
type settings struct {
	Report string `hcl:"report,optional"` // the file for the delays, written on Close; "": none are measured
}

func (s *settings) Sink(string, string, *zap.Logger) (sink.Sink, error) {
	return &none{report: s.Report}, nil
}

func (s *settings) Check(context.Context, string, string) []error { return nil }

func (s *settings) Drop(context.Context, string, string, capture.Origin, bool) ([]string, error) {
	return nil, nil
}

// none reports every batch as durable at once. It is its own Writer.
type none struct {
	report    string
	onDurable func(capture.Position)
	delays    []time.Duration // from the commit time to Write, one per transaction
	last      *capture.Tx
}

// Open implements sink.Sink.
func (n *none) Open(_ context.Context, lane sink.Lane) (sink.Writer, sink.Progress, error) {
	n.onDurable = lane.OnDurable
	return writer{n}, sink.Progress{Record: sink.RecordUnsupported}, nil
}

// Close implements sink.Sink.
func (n *none) Close() error {
	if n.report == "" {
		return nil
	}
	text, err := json.Marshal(percentiles(n.delays))
	if err != nil {
		return fmt.Errorf("write delays: %w", err)
	}
	return os.WriteFile(n.report, text, 0o600)
}

// percentiles returns percentiles in milliseconds.
func percentiles(ds []time.Duration) map[string]float64 {
	out := map[string]float64{}
	if len(ds) == 0 {
		return out
	}
	slices.Sort(ds)
	for key, part := range map[string]float64{"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1} {
		out[key] = float64(ds[min(len(ds)-1, int(part*float64(len(ds))))].Microseconds()) / 1000
	}
	return out
}

type writer struct{ sink *none }

// Write implements sink.Writer.
func (w writer) Write(_ context.Context, batches []sink.Batch) error {
	n := w.sink
	if n.report != "" {
		n.recordDelays(batches)
	}
	n.onDurable(batches[len(batches)-1].End)
	return nil
}

// Close implements sink.Writer.
func (w writer) Close() error { return nil }

func (n *none) recordDelays(batches []sink.Batch) {
	now := time.Now()
	for i := range batches {
		for j := range batches[i].Events {
			if tx := batches[i].Events[j].Change.Tx; n.last == nil || !tx.Same(n.last) {
				n.last = tx
				n.delays = append(n.delays, now.Sub(tx.Time))
			}
		}
	}
}
