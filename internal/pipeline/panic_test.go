package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
)

// brittle is a source whose streams call next before each Next.
type brittle struct {
	*capturetest.Source
	next func()
}

func (b brittle) Run(ctx context.Context, report func(error), serve func(context.Context, capture.Stream) error) error {
	return b.Source.Run(ctx, report, func(ctx context.Context, s capture.Stream) error {
		return serve(ctx, brittleStream{s, b.next})
	})
}

type brittleStream struct {
	capture.Stream
	next func()
}

func (s brittleStream) Next(ctx context.Context) (capture.Batch, error) {
	s.next()
	return s.Stream.Next(ctx)
}

// A panic where batches are moved is a state of this pipeline with a name, in the log with its stack, and not the end of the
// process. It is tried again like whatever halts.
func TestPanicInTheLane(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		calls := 0
		r.source = func(s *capturetest.Source) capture.Source {
			return brittle{s, func() {
				if calls++; calls > 1 && calls < 6 {
					panic("index out of range")
				}
			}}
		}
		r.script.Commit(1)
		d := r.start()
		d.halts("the pipeline: index out of range")
		d.rig.pass(100 * time.Second)
		r.script.Commit(2)
		r.waitDurable()
		r.complete()
		if st := d.Status().State; st.Name != "streaming" || d.source.Streams() != 5 {
			t.Errorf("%+v, %d streams", st, d.source.Streams())
		}
	}, newStore(), transactional())
}

// So is one while a sink is opened, at the start and later.
func TestPanicOfOpen(t *testing.T) {
	run(t, func(_ *testing.T, r *rig) {
		s := r.stores[0]
		panics := func(int) { panic("nil map") }
		s.opening = panics
		d := r.start()
		d.halts("the pipeline: nil map")
		s.set(func() { s.opening = nil })
		r.script.Commit(1)
		r.waitDurable()
		r.complete()
		s.set(func() { s.opening = panics })
		s.breaks(errTarget)
		r.pass(time.Second)
		d.halts("the pipeline: nil map")
		s.set(func() { s.opening = nil })
		r.script.Commit(2)
		r.waitDurable()
		r.complete()
	}, newStore(), newStore())
}

// halts checks that the pipeline has halted for a panic, and that the log has its stack.
func (d *daemon) halts(reason string) {
	d.rig.t.Helper()
	if st := d.Status().State; st.Name != "panic" || st.Kind != Halted || st.Reason != reason || st.Fix == "" {
		d.rig.t.Fatalf("%+v", st)
	}
	logged := d.log.FilterMessage("panic").All()
	if len(logged) == 0 || logged[0].ContextMap()["stack"] == "" {
		d.rig.t.Errorf("the log has no stack: %v", logged)
	}
}
