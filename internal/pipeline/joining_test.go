package pipeline

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// joiner is a rig whose pipeline has run with its first sink, and has changes that no sink has yet.
func joiner(t *testing.T, f func(*testing.T, *rig), stores ...*store) {
	t.Helper()
	run(t, func(t *testing.T, r *rig) {
		r.begin = startrule.CopyIfNew
		r.stores = stores[:1]
		r.script.Drop()
		r.script.Commit(1, 2, 3)
		d := r.start()
		r.waitDurable()
		r.complete()
		d.stop()
		r.script.Commit(4, 5)
		r.stores = stores
		f(t, r)
	}, stores...)
}

// A sink that is added gets all rows, then what comes after them: nothing twice where it can record the position.
func TestASinkJoins(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		d := r.make()
		d.source.Copying = func(_ context.Context, handed int) error {
			r.script.Commit(handed) // while the rows are copied
			return nil
		}
		d.run()
		r.waitDurable()
		r.complete()
		for i, s := range r.stores {
			if s.opens() > 2 || string(s.record.State) != "done" {
				t.Errorf("sink%d: %d opens, state %q", i, s.opens(), s.record.State)
			}
			d.is(i, "streaming")
		}
		if d.source.Streams() != 2 {
			t.Errorf("%d streams", d.source.Streams())
		}
		if n := len(d.log.FilterMessage("copying").All()); n == 0 {
			t.Error("the log does not tell of the copy")
		}
	}, newStore(), newStore(), transactional())
}

// While a sink joins, the others go on, and the source is confirmed up to the copy's point and no further.
func TestOthersGoOnWhileASinkJoins(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		r.window = 1000
		d := r.make()
		gate, point := make(chan struct{}), capture.LSN(0)
		d.source.Copying = func(context.Context, int) error {
			point = max(point, r.script.End())
			<-gate
			return nil
		}
		d.run()
		r.pass(time.Second)
		d.is(1, "copying")
		before := point
		for i := range 50 { // more than the window takes
			r.script.Commit(i, i+1, i+2)
			r.pass(time.Second)
		}
		if n := len(r.stores[0].seen()); n != 155 {
			t.Errorf("the other sink has %d rows", n)
		}
		if got := r.script.Confirmed(); got != before {
			t.Errorf("the source is confirmed up to %s, the copy is of %s", got, before)
		}
		if st := d.sink(1); !st.Unproven || st.Events != 0 || st.LagSeconds != 0 || d.Status().State.Name != "streaming" {
			t.Errorf("%+v", st)
		}
		close(gate)
		r.waitDurable()
		r.complete()
	}, newStore(), transactional())
}

// What a copy waits for is the sink's state, and nothing is confirmed meanwhile.
func TestACopyWaits(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		d := r.make()
		gate := make(chan struct{})
		d.source.Opening = func(ctx context.Context, waits func(*capture.Problem)) error {
			waits(&capture.Problem{State: "waiting_for_transactions", Reason: "process 1"})
			select {
			case <-gate:
			case <-ctx.Done():
			}
			return nil
		}
		confirmed := r.script.Confirmed()
		d.run()
		r.script.Commit(6)
		r.pass(time.Second)
		d.is(1, "waiting_for_transactions")
		d.is(0, "streaming")
		if got := r.script.Confirmed(); got != confirmed {
			t.Errorf("confirmed up to %s, the copy has no point yet", got)
		}
		close(gate)
		r.waitDurable()
		d.is(1, "streaming")
		r.complete()
	}, newStore(), newStore())
}

// The only sink's target was made new: it gets a copy, while nothing else moves. The source is confirmed up to the copy's point
// as soon as that is known.
func TestTheOnlySinkJoins(t *testing.T) {
	for name, s := range map[string]*store{"at least once": newStore(), "exactly once": transactional()} {
		t.Run(name, func(t *testing.T) {
			joiner(t, func(t *testing.T, r *rig) {
				r.window = 300
				s.set(func() { s.record, s.rows = nil, nil })
				d := r.make()
				d.source.Copying = func(_ context.Context, handed int) error {
					if got := r.script.Confirmed(); handed == 0 && got != r.script.End() {
						t.Errorf("confirmed up to %s, the copy is of %s", got, r.script.End())
					}
					r.script.Commit(handed, handed+1, handed+2, handed+3, handed+4)
					return nil
				}
				d.run()
				r.waitDurable()
				r.complete()
				if n, want := d.changes(), float64(len(r.script.Committed())-5); n != want {
					t.Errorf("%v changes were read, %v came after the copy's point", n, want)
				}
			}, s)
		})
	}
}

// Whatever ends a copy before its end: the next attempt begins from scratch, and only a whole copy counts.
func TestACopyIsInterrupted(t *testing.T) {
	for name, interrupt := range map[string]func(r *rig, d *daemon){
		"killed":              func(r *rig, d *daemon) { d.kill(); r.make().run() },
		"stopped":             func(r *rig, d *daemon) { d.stop(); r.make().run() },
		"a standby":           func(r *rig, d *daemon) { r.make().run(); r.pass(time.Minute); d.kill() },
		"a zombie":            func(r *rig, _ *daemon) { r.script.Orphan(); r.make().run() },
		"the stream breaks":   func(r *rig, _ *daemon) { r.script.Cut() },
		"the target fails":    func(r *rig, _ *daemon) { r.stores[1].breaks(errTarget) },
		"the other one fails": func(r *rig, _ *daemon) { r.stores[0].breaks(errTarget) },
	} {
		for _, s := range []func() *store{newStore, transactional} {
			t.Run(name, func(t *testing.T) {
				joiner(t, func(t *testing.T, r *rig) {
					d := r.make()
					d.source.Copying = func(ctx context.Context, handed int) error {
						if handed == 3 {
							return capture.Sleep(ctx, time.Minute)
						}
						return nil
					}
					d.run()
					r.pass(10 * time.Second)
					d.is(1, "copying")
					r.script.Commit(6)
					interrupt(r, d)
					if d.took > time.Second {
						t.Errorf("it took %s to stop", d.took)
					}
					r.waitDurable()
					r.script.Commit(7)
					r.waitDurable()
					r.waitDurable()
					r.complete()
					if got := string(r.stores[1].record.State); got != "done" {
						t.Errorf("state %q", got)
					}
				}, newStore(), s())
			})
		}
	}
}

// An event that the target cannot take halts the sink within its copy. What is durable is not sent again with every attempt.
func TestAnEventOfACopyIsRejected(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		refuse := func(b sink.Batch) error {
			if b.End.Seq == 4 {
				return &sink.Rejected{At: capture.Position{LSN: b.End.LSN, Seq: 3}, Reason: "too_large"}
			}
			return nil
		}
		r.stores[1].set(func() { r.stores[1].refuse = refuse })
		d := r.start()
		for range 5 {
			r.waitDurable()
			d.is(1, "rejected")
		}
		r.stores[1].set(func() { r.stores[1].refuse = nil })
		r.waitDurable()
		r.complete()
		if n := len(r.stores[1].seen()); n != 5 {
			t.Errorf("it got %d rows, 5 of them once", n)
		}
		if n := d.log.FilterMessage("copying").Len(); n > 2 {
			t.Errorf("%d copies", n)
		}
	}, newStore(), newStore())
}

// A target that was used before gets no copy unasked: what is missing may be the record alone. Nothing is confirmed, the other
// sink goes on, and the word in the file settles it.
func TestATargetThatWasUsed(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		r.stores[1].used = "topic t has records already"
		confirmed := r.script.Confirmed()
		d := r.start()
		r.script.Commit(6)
		r.waitDurable()
		d.is(1, "no_record")
		if st := d.sink(1).State; st.Kind != Halted || !strings.HasSuffix(st.Reason, "topic t has records already") {
			t.Errorf("%+v", st)
		}
		if got := r.script.Confirmed(); got != confirmed {
			t.Errorf("confirmed up to %s", got)
		}
		if n := len(r.stores[0].seen()); n != 6 {
			t.Errorf("the other one has %d rows", n)
		}
		d.stop()
		r.begin = startrule.CopyRows
		r.start()
		r.waitDurable()
		r.complete()
	}, newStore(), newStore())
}

// A copy that cannot be read is a problem of that sink alone.
func TestACopyFails(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		d := r.make()
		var works atomic.Bool
		d.source.Copying = func(_ context.Context, handed int) error {
			if !works.Load() && handed == 2 {
				return &capture.Problem{State: "value_too_large", Halted: true, Reason: "row 3"}
			}
			return nil
		}
		d.run()
		r.pass(time.Second)
		d.is(1, "value_too_large")
		d.is(0, "streaming")
		select {
		case err := <-d.Halted():
			if capture.AsProblem(err) == nil {
				t.Error(err)
			}
		default:
			t.Error("a strict daemon does not hear of it")
		}
		works.Store(true)
		r.waitDurable()
		r.complete()
	}, newStore(), transactional())
}

// A record from within a copy is as good as none: with another word in the file the lane halts, or the sink begins where the
// slot stands.
func TestACopyIsGivenUp(t *testing.T) {
	for _, begin := range []startrule.Begin{startrule.Ask, startrule.FromNow} {
		joiner(t, func(t *testing.T, r *rig) {
			d := r.make()
			d.source.Copying = func(_ context.Context, handed int) error {
				if handed == 3 {
					return errors.New("no")
				}
				return nil
			}
			d.run()
			r.pass(time.Second)
			d.stop()
			if s := r.stores[1]; s.record == nil || string(s.record.State) != "pending" {
				t.Fatalf("%+v", s.record)
			}
			confirmed := r.script.Confirmed()
			r.begin = begin
			d = r.start()
			r.waitDurable()
			if begin == startrule.Ask {
				d.is(1, "no_record")
				if r.script.Confirmed() != confirmed {
					t.Error("it is confirmed")
				}
				return
			}
			rec := r.stores[1].record
			if rec.Position != (capture.Position{LSN: confirmed}) || string(rec.State) != "done" {
				t.Errorf("the record is %+v, the slot stands at %s", rec, confirmed)
			}
			had := len(r.stores[1].seen())
			r.script.Commit(8)
			r.waitDurable()
			d.is(1, "streaming")
			if got := r.stores[1].seen()[had:]; len(got) != 1 || got[0].Key != 8 {
				t.Errorf("it gets %v", got)
			}
			if err := capturetest.Judge(r.script.Committed(), r.stores[0].seen(), capturetest.AtLeastOnce); err != nil {
				t.Error(err)
			}
		}, newStore(), newStore())
	}
}

// A part of a copy stands beyond the next copy, since the source was put back in between.
func TestACopyOfARestoredSource(t *testing.T) {
	for _, c := range []struct {
		s     *store
		stays bool // the daemon runs on over it
	}{{newStore(), false}, {transactional(), false}, {newStore(), true}, {transactional(), true}} {
		joiner(t, func(t *testing.T, r *rig) {
			c.s.empty()
			c.s.latency = 50 * time.Millisecond // nothing of a copy is durable when its last row is read
			end := r.script.End()
			r.script.Idle(1000)
			d := r.make()
			d.source.Copying = func(ctx context.Context, handed int) error {
				if handed == 3 {
					return capture.Sleep(ctx, time.Hour)
				}
				return nil
			}
			d.run()
			r.pass(time.Second)
			d.is(0, "copying")
			before := d.source.Streams()
			if !c.stays {
				d.stop()
				before = 0
			}
			d.source.Copying = nil
			r.script.Restore(end)
			if !c.stays {
				d = r.start()
			}
			r.waitDurable()
			r.script.Commit(6)
			r.waitDurable()
			r.complete()
			if n := d.source.Streams() - before; n != 2 {
				t.Errorf("%d streams, the second one comes after the copy", n)
			}
		}, c.s)
	}
}
