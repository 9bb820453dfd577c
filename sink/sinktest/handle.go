package sinktest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// patience bounds every wait. No result depends on it.
const patience = time.Minute

// handle is an open lane of a sink. It records the calls of OnDurable and Failed.
type handle struct {
	t        *testing.T
	sink     sink.Sink
	writer   sink.Writer
	progress sink.Progress

	mu      sync.Mutex
	durable capture.Position
	calls   int
	err     error // passed to Failed
	failed  int
	closed  bool
	news    chan struct{}
}

// open opens the lane "main" of s. The handle reports invalid calls of OnDurable and Failed as test errors.
func open(t *testing.T, s sink.Sink) *handle {
	t.Helper()
	h, err := tryOpen(t, s)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return h
}

func (h *handle) onDurable(p capture.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		h.t.Errorf("OnDurable(%s) after Close has returned", p)
	}
	if !h.durable.Before(p) {
		h.t.Errorf("OnDurable(%s) after OnDurable(%s)", p, h.durable)
	}
	h.durable = p
	h.calls++
	h.tell()
}

func (h *handle) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		h.t.Errorf("Failed(%v) after Close has returned", err)
	}
	if h.failed++; h.failed > 1 {
		h.t.Errorf("Failed(%v) is call %d", err, h.failed)
	}
	h.err = err
	h.tell()
}

func (h *handle) tell() {
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// close closes the Writer. Further calls do nothing.
func (h *handle) close() {
	h.mu.Lock()
	again := h.closed
	h.mu.Unlock()
	if again {
		return
	}
	if err := h.writer.Close(); err != nil {
		h.t.Errorf("close: %v", err)
	}
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
}

// write writes batches and then overwrites their memory.
func (h *handle) write(batches ...sink.Batch) {
	h.t.Helper()
	if err := h.try(batches...); err != nil {
		h.t.Fatalf("write: %v", err)
	}
}

// makesDurable writes batches and waits until they are durable.
func (h *handle) makesDurable(batches ...sink.Batch) {
	h.t.Helper()
	h.write(batches...)
	h.wait(batches[len(batches)-1].End)
}

func (h *handle) try(batches ...sink.Batch) error {
	ctx, stop := context.WithTimeout(h.t.Context(), patience)
	defer stop()
	err := h.writer.Write(ctx, batches)
	for _, b := range batches {
		scribble(b)
	}
	return err
}

// wait waits until p is durable.
func (h *handle) wait(p capture.Position) {
	h.t.Helper()
	deadline := time.After(patience)
	for {
		h.mu.Lock()
		durable, err := h.durable, h.err
		h.mu.Unlock()
		if !durable.Before(p) {
			return
		}
		if err != nil {
			h.t.Fatalf("failed before %s was held: %v", p, err)
		}
		select {
		case <-h.news:
		case <-deadline:
			h.t.Fatalf("%s is not held, only %s", p, durable)
		}
	}
}

// failure waits for the error that ends the Writer, and returns it.
func (h *handle) failure() error {
	h.t.Helper()
	deadline := time.After(patience)
	for {
		h.mu.Lock()
		err := h.err
		h.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-h.news:
		case <-deadline:
			h.t.Fatal("the Writer does not fail")
		}
	}
}
