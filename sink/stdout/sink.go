package stdout

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
)

// Sink prints to one output. See sink.Sink.
type Sink struct {
	out     io.Writer
	options format.Options
	close   func() error
	turn    chan struct{} // contains a token while no goroutine writes to out
	owner   *writer       // the newest writer; guarded by the token of turn
}

// New creates a sink that prints to out, which the caller still owns. Each call of out.Write gets complete lines.
func New(out io.Writer, o format.Options) (*Sink, error) {
	if _, err := formats.New(format.Line, o); err != nil {
		return nil, err
	}
	s := &Sink{out: out, options: o, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s, nil
}

// Open implements sink.Sink. It waits for a pending write that an earlier Writer has abandoned, so that no output of that Writer
// appears after Open has returned (I8).
func (s *Sink) Open(ctx context.Context, lane sink.Lane) (sink.Writer, sink.Progress, error) {
	encoder, err := formats.New(format.Line, s.options)
	if err != nil {
		return nil, sink.Progress{}, err
	}
	w := &writer{sink: s, lane: lane, encoder: encoder}
	select {
	case <-s.turn:
		s.owner = w
		s.turn <- struct{}{}
		return w, sink.Progress{Record: sink.RecordUnsupported}, nil
	case <-ctx.Done():
		return nil, sink.Progress{}, fmt.Errorf("wait for the standard output: %w", context.Cause(ctx))
	}
}

// Close implements sink.Sink.
func (s *Sink) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// print writes lines for w. It stops waiting when ctx ends; the write may then still complete later, so the caller must not
// reuse lines.
func (s *Sink) print(ctx context.Context, w *writer, lines []byte) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if s.owner != w {
		s.turn <- struct{}{}
		return sink.ErrFenced
	}
	if len(lines) == 0 {
		s.turn <- struct{}{}
		return nil
	}
	done := make(chan error, 1)
	go func() { // a write blocks while the output has no reader, and cannot be interrupted
		_, err := s.out.Write(lines)
		s.turn <- struct{}{}
		done <- err
	}()
	select {
	case err := <-done:
		return named(err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// named converts an error of the output to a named state, if there is one for it.
func named(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPIPE):
		return &capture.Problem{
			State:  "stdout_closed",
			Halted: true,
			Reason: "the reader of the standard output has closed it",
			Fix:    "Start tailrace again with its output connected, or take the sink \"stdout\" out of the file.",
			Err:    err,
		}
	}
	return fmt.Errorf("write to the standard output: %w", err)
}
