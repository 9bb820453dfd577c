package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// poison rejects the events of a key, as a target does.
func poison(key int) func(sink.Batch) error {
	return func(b sink.Batch) error {
		for _, e := range b.Events {
			if r, _ := capturetest.RowOf(e.Change); r.Key == key {
				return &sink.Rejected{
					At: e.Change.At(), Table: e.Change.Table.String(), Key: fmt.Sprint(key), Reason: "too_large", Err: errTarget,
				}
			}
		}
		return nil
	}
}

// One event that the target cannot take halts its sink there: everything before it is durable, nothing of it and after it. It is
// counted once, however often it is tried.
func TestRejected(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.stores[0].set(func() { r.stores[0].refuse = poison(13) })
		r.script.Commit(1)
		before := r.script.Commit(2)
		r.script.Commit(13)
		r.script.Commit(4)
		r.pass(time.Second)
		opens := r.stores[0].opens()
		d.stays(0, "rejected", 100*time.Second)
		if n := r.stores[0].opens() - opens; n != 10 {
			t.Errorf("tried %d times in 100 s", n)
		}
		st := d.sink(0)
		for _, want := range []string{"public.ledger", "key 13", "too_large", errTarget.Error()} {
			if !strings.Contains(st.State.Reason, want) {
				t.Errorf("%q does not name %q", st.State.Reason, want)
			}
		}
		if d.value("sink_halted", "p", "sink0") != 1 || d.value("sink_halted", "p", "sink1") != 0 || d.value("pipeline_halted", "p") != 0 {
			t.Error("only the sink that rejects is halted")
		}
		if st.State.Kind != Halted || st.Rejected != 1 || d.value("events_rejected_total", "p", "too_large", "sink0") != 1 {
			t.Errorf("%+v, counted %v", st, d.value("events_rejected_total", "p", "too_large", "sink0"))
		}
		if got := r.stores[0].seen(); len(got) != 2 || st.Durable != before || r.script.Confirmed() != before.LSN {
			t.Errorf("the target has %v, held %s, confirmed %s; the two rows up to %s are good", got, st.Durable, r.script.Confirmed(), before)
		}
		d.is(1, "streaming")
		if got := r.stores[1].seen(); len(got) != 4 {
			t.Errorf("the other has %v", got)
		}
		r.stores[0].set(func() { r.stores[0].refuse = nil })
		r.waitDurable()
		d.is(0, "streaming")
		r.complete()
	}, newStore(), newStore())
}

// refusing is a chain that fails on a key until told otherwise.
func refusing(key int, fail *atomic.Bool, how func() error) *transform.Chain {
	return transform.NewChain(transform.Step{Name: "refuse", Func: func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
		if r, _ := capturetest.RowOf(e.Change); r.Key == key && fail.Load() {
			return nil, how()
		}
		return append(dst, e), nil
	}})
}

// An event that a block rejects halts its sink in the same way: what stands before it in the same run is delivered, up to the
// change before it where the target can record that.
func TestRejectedByTheChain(t *testing.T) {
	for name, c := range map[string]struct {
		store *store
		rows  int
	}{"at least once": {newStore(), 4}, "transactional": {transactional(), 3}} {
		t.Run(name, func(t *testing.T) {
			var bad atomic.Bool
			bad.Store(true)
			run(t, func(t *testing.T, r *rig) {
				r.chain = refusing(13, &bad, func() error { return errors.New("no such enum") })
				d := r.start()
				r.script.Commit(0)
				r.pass(time.Second)
				r.stores[0].breaks(errTarget) // so that one run has all that follows
				r.script.Commit(1)
				r.script.Commit(2)
				r.script.Add(capturetest.Transaction{Keys: []int{3, 13}, Joined: true})
				r.script.Commit(4)
				r.waitDurable()
				d.is(0, "rejected")
				st := d.sink(0)
				if !strings.Contains(st.State.Reason, "no such enum") || st.Rejected != 1 {
					t.Errorf("%+v", st)
				}
				if got := r.stores[0].seen(); len(got) != c.rows || st.Durable.Seq != uint64(c.rows-3) {
					t.Errorf("the target has %v, held %s, want %d rows", got, st.Durable, c.rows)
				}
				bad.Store(false)
				r.waitDurable()
				r.complete()
				if err := capturetest.Judge(r.script.Committed(), r.stores[0].seen(), capturetest.ExactlyOnce); err != nil {
					t.Error(err)
				}
			}, c.store, newStore())
		})
	}
}

// A panic in a block is one change's fault. The sink halts with a name, the daemon and the other sinks go on.
func TestPanicInTheChain(t *testing.T) {
	var bad atomic.Bool
	bad.Store(true)
	run(t, func(t *testing.T, r *rig) {
		r.chain = refusing(13, &bad, func() error { panic("index out of range") })
		d := r.start()
		r.script.Commit(1)
		r.script.Commit(13)
		r.waitDurable()
		d.is(0, "panic")
		if st := d.sink(0).State; st.Kind != Halted || !strings.Contains(st.Reason, "index out of range") {
			t.Errorf("%+v", st)
		}
		if d.log.FilterMessage("panic").Len() == 0 {
			t.Error("the stack is not in the log")
		}
		d.is(1, "streaming")
		if n := len(r.stores[1].seen()); n != 2 {
			t.Errorf("the other sink has %d rows", n)
		}
		bad.Store(false)
		r.waitDurable()
		d.is(0, "streaming")
		r.complete()
	}, newStore(), newStore())
}
