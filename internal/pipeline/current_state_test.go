package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
)

// acceptable is a source with a warning that the operator can accept. Compare finds the acceptance in a sink's record.
type acceptable struct {
	*capturetest.Source
	accepted *atomic.Bool
}

func (a acceptable) Run(ctx context.Context, report func(error), serve func(context.Context, capture.Stream) error) error {
	return a.Source.Run(ctx, report, func(ctx context.Context, s capture.Stream) error {
		return serve(ctx, acceptableStream{s, a.accepted})
	})
}

type acceptableStream struct {
	capture.Stream
	accepted *atomic.Bool
}

func (s acceptableStream) Compare(ctx context.Context, r capture.Record) (capture.Comparison, error) {
	if string(r.State) == "accepted" {
		s.accepted.Store(true)
	}
	return s.Stream.Compare(ctx, r)
}

// CurrentState implements capture.StateKeeper.
func (s acceptableStream) CurrentState(state []byte) []byte {
	if s.accepted.Load() {
		return []byte("accepted")
	}
	return state
}

// An operator accepts a warning while a batch is in flight. The batch, which was read before, is written again by the next writer and
// must not take the acceptance out of the record: the daemon may be killed before it reads another batch.
func TestABatchKeepsAnAcceptance(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		var accepted atomic.Bool
		r.source = func(s *capturetest.Source) capture.Source { return acceptable{s, &accepted} }
		r.start()
		store := r.stores[0]
		store.block()
		r.script.Commit(1)
		r.pass(time.Second)
		store.set(func() {
			record := *store.record
			record.State = []byte("accepted")
			store.generation, store.record = store.generation+1, &record
		})
		store.breaks(errors.New("terminating connection"))
		store.unblock()
		r.waitDurable()
		r.complete()
		if n := r.daemons[0].source.Streams(); n != 1 {
			t.Fatalf("%d streams: the batch was read again", n)
		}
		if state := string(store.record.State); state != "accepted" {
			t.Errorf("the record has the state %q", state)
		}
	}, newStore())
}
