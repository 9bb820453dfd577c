package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// A target that is away is asked for again, sooner at first and then every ten seconds, and everything comes when it is back.
func TestTargetAway(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		tries := 0
		r.stores[0].opening = func(int) { tries++ }
		r.stores[0].refuses(errTarget)
		r.stores[0].breaks(errTarget)
		r.script.Commit(1)
		r.pass(5 * time.Minute)
		if tries < 30 || tries > 50 {
			t.Errorf("%d attempts in five minutes", tries)
		}
		d.is(0, "retrying")
		d.is(1, "streaming")
		if st := d.sink(0).State; st.Kind != Retrying || !strings.Contains(st.Reason, errTarget.Error()) {
			t.Errorf("%+v", st)
		}
		if d.Status().State.Name != "streaming" || d.source.Streams() != 1 {
			t.Errorf("the line is %+v, %d streams", d.Status().State, d.source.Streams())
		}
		if got := d.value("retries_total", "p", "sink0"); got != float64(tries+1) {
			t.Errorf("%v retries are counted, there were %d", got, tries+1)
		}
		r.stores[0].refuses(nil)
		r.settle()
		d.is(0, "streaming")
		r.complete()
	}, newStore(), newStore())
}

// A target that can be opened and takes nothing is asked less and less often, too, and its state does not flicker.
func TestTargetTakesNothing(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.stores[0].set(func() { r.stores[0].refuse = func(sink.Batch) error { return errTarget } })
		r.script.Commit(1)
		r.pass(20 * time.Second)
		before := r.stores[0].opens()
		for range 2000 {
			r.pass(100*time.Millisecond + 7*time.Microsecond)
			d.is(0, "retrying")
		}
		if n := r.stores[0].opens() - before; n < 18 || n > 30 {
			t.Errorf("opened %d times in 200 s", n)
		}
		r.stores[0].set(func() { r.stores[0].refuse = nil })
		r.settle()
		d.is(0, "streaming")
		r.complete()
	}, newStore())
}

// So it is with one that accepts, and says later that it could not.
func TestTargetFailsLater(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		s := r.stores[0]
		s.set(func() { s.fails = errTarget })
		r.script.Commit(1)
		r.pass(20 * time.Second)
		before := s.opens()
		for range 2000 {
			r.pass(100*time.Millisecond + 7*time.Microsecond)
			d.is(0, "retrying")
		}
		if n := s.opens() - before; n < 18 || n > 30 {
			t.Errorf("opened %d times in 200 s", n)
		}
		s.set(func() { s.fails = nil })
		r.settle()
		d.is(0, "streaming")
		r.complete()
		// It is forgotten: the next trouble is tried again soon.
		before = s.opens()
		s.breaks(errTarget)
		r.pass(300 * time.Millisecond)
		if n := s.opens() - before; n != 1 {
			t.Errorf("opened %d times", n)
		}
	}, newStore(), newStore())
}

// A named state that only a person ends is looked at every ten seconds; a strict daemon hears of it once.
func TestHaltedTarget(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		full := &capture.Problem{State: "topic_missing", Halted: true, Reason: "no topic", Fix: "create it"}
		r.stores[0].set(func() { r.stores[0].refuse = func(sink.Batch) error { return full } })
		r.script.Commit(1)
		r.pass(time.Second)
		before := r.stores[0].opens()
		for range 1000 {
			r.pass(100*time.Millisecond + 7*time.Microsecond)
			d.is(0, "topic_missing")
		}
		if n := r.stores[0].opens() - before; n != 10 {
			t.Errorf("looked again %d times in 100 s", n)
		}
		if st := d.sink(0).State; st.Kind != Halted || st.Reason != full.Reason || st.Fix != full.Fix {
			t.Errorf("%+v", st)
		}
		if err := <-d.Halted(); !errors.Is(err, full) {
			t.Errorf("a strict daemon hears %v", err)
		}
		r.stores[0].set(func() { r.stores[0].refuse = nil })
		r.settle()
		d.is(0, "streaming")
		r.complete()
	}, newStore(), transactional())
}

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

// One event that the target cannot take halts its sink there: everything before it is held, nothing of it and after it. It is
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
		for range 1000 {
			r.pass(100*time.Millisecond + 7*time.Microsecond)
			d.is(0, "rejected")
		}
		if n := r.stores[0].opens() - opens; n != 10 {
			t.Errorf("tried %d times in 100 s", n)
		}
		st := d.sink(0)
		for _, want := range []string{"public.ledger", "key 13", "too_large", errTarget.Error()} {
			if !strings.Contains(st.State.Reason, want) {
				t.Errorf("%q does not name %q", st.State.Reason, want)
			}
		}
		if st.State.Kind != Halted || st.Rejected != 1 || d.value("rejected_total", "p", "too_large", "sink0") != 1 {
			t.Errorf("%+v, counted %v", st, d.value("rejected_total", "p", "too_large", "sink0"))
		}
		if got := r.stores[0].seen(); len(got) != 2 || st.Held != before || r.script.Confirmed() != before.LSN {
			t.Errorf("the target has %v, held %s, confirmed %s; the two rows up to %s are good", got, st.Held, r.script.Confirmed(), before)
		}
		d.is(1, "streaming")
		if got := r.stores[1].seen(); len(got) != 4 {
			t.Errorf("the other has %v", got)
		}
		r.stores[0].set(func() { r.stores[0].refuse = nil })
		r.settle()
		d.is(0, "streaming")
		r.complete()
	}, newStore(), newStore())
}

// refusing is a chain that fails on a key until told otherwise.
func refusing(key int, fail *atomic.Bool, how func() error) *transform.Chain {
	return transform.NewChain(func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
		if r, _ := capturetest.RowOf(e.Change); r.Key == key && fail.Load() {
			return nil, how()
		}
		return append(dst, e), nil
	})
}

// An event that a block rejects halts its sink in the same way: what stands before it in the same run is delivered, up to the
// change before it where the target can hold that.
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
				r.settle()
				d.is(0, "rejected")
				st := d.sink(0)
				if !strings.Contains(st.State.Reason, "no such enum") || st.Rejected != 1 {
					t.Errorf("%+v", st)
				}
				if got := r.stores[0].seen(); len(got) != c.rows || st.Held.Seq != uint64(c.rows-3) {
					t.Errorf("the target has %v, held %s, want %d rows", got, st.Held, c.rows)
				}
				bad.Store(false)
				r.settle()
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
		r.settle()
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
		r.settle()
		d.is(0, "streaming")
		r.complete()
	}, newStore(), newStore())
}

// A writer that fails while there is nothing to write is noticed at once.
func TestWriterFailsWhileIdle(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.stores[0].breaks(errTarget)
		r.pass(time.Second)
		if n := r.stores[0].opens(); n != 2 {
			t.Errorf("opened %d times", n)
		}
		d.is(0, "streaming")
		r.script.Commit(1)
		r.settle()
		r.complete()
	}, newStore(), newStore())
}

// A short rewind takes what the window still has; the source and the other sink hear nothing of it.
func TestRewindInTheWindow(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.stores[0].block()
		for range 10 {
			r.script.Commit(1, 2)
		}
		r.pass(time.Second)
		r.stores[0].set(func() { r.stores[0].loses, r.stores[0].blocked = true, false })
		r.stores[0].breaks(errTarget)
		r.settle()
		r.complete()
		if d.source.Streams() != 1 || r.stores[1].opens() != 1 {
			t.Errorf("%d streams, the other sink was opened %d times", d.source.Streams(), r.stores[1].opens())
		}
	}, transactional(), transactional())
}

// A rewind behind the window starts the stream again; the other sink keeps its writer and gets nothing twice.
func TestRewindBehindTheWindow(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.window = 1000
		d := r.start()
		r.stores[0].block()
		for range 100 {
			r.script.Commit(1, 2)
		}
		r.pass(time.Second)
		if got := d.Status().Window.Bytes; got > 1200 {
			t.Fatalf("%d bytes in the window", got)
		}
		r.stores[0].set(func() { r.stores[0].loses, r.stores[0].blocked = true, false })
		r.stores[0].breaks(errTarget)
		r.settle()
		r.complete()
		if d.source.Streams() != 2 || r.stores[1].opens() != 1 {
			t.Errorf("%d streams, the other sink was opened %d times", d.source.Streams(), r.stores[1].opens())
		}
	}, transactional(), transactional())
}

// A sink that holds nothing holds the slot, and the others go on as far as the window is wide.
func TestAStuckSinkHoldsTheSlot(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.window = 1000
		d := r.start()
		r.stores[1].limit = 1
		r.stores[1].block()
		was := r.script.Confirmed()
		for range 100 {
			r.script.Commit(1)
		}
		r.pass(time.Hour)
		if r.script.Confirmed() != was {
			t.Errorf("confirmed %s", r.script.Confirmed())
		}
		if got := d.Status().Window; got.Bytes < got.Limit || got.Bytes > got.Limit+200 {
			t.Errorf("%+v", got)
		}
		if n := len(r.stores[0].seen()); n < 5 || n > 20 {
			t.Errorf("the other sink has %d rows", n)
		}
		r.stores[1].unblock()
		r.settle()
		r.complete()
		if v := d.value("window_wait_seconds_total", "p", "sink1"); v < 3599 || v > 3700 {
			t.Errorf("waited %v s for sink1", v)
		}
	}, newStore(), newStore())
}

// What is confirmed is the least of what the sinks hold, and only grows.
func TestConfirmIsTheLeastAndGrows(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		for i := range 50 {
			s := r.stores[i%3]
			s.block()
			r.script.Commit(1, i)
			r.pass(7 * time.Millisecond)
			if i%7 == 0 {
				r.script.Cut()
			}
			least := r.stores[0].position()
			for _, s := range r.stores {
				if p := s.position(); p.Before(least) {
					least = p
				}
			}
			if r.script.Confirmed() > least.LSN {
				t.Fatalf("confirmed %s, the slowest sink holds %s", r.script.Confirmed(), least)
			}
			s.unblock()
		}
		r.settle()
		r.complete()
		var last capture.Position
		for _, p := range r.script.Statuses() {
			if p.Before(last) {
				t.Fatalf("confirmed %s after %s", p, last)
			}
			last = p
		}
		if got := d.Status().Source.Sent; got.LSN != r.script.End() {
			t.Errorf("sent %s", got)
		}
	}, newStore(), newStore(), transactional())
}

// The stream ends while the window is full and nobody asks it for more: the line ends too, and the next stream is served.
func TestStreamEndsWhileTheWindowIsFull(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.window = 300
		d := r.start()
		r.stores[0].limit = 1
		r.stores[0].block()
		for range 50 {
			r.script.Commit(1)
		}
		r.pass(time.Second)
		r.script.Cut()
		r.pass(10 * time.Second)
		if d.source.Streams() != 2 || d.Status().State.Name != "streaming" {
			t.Errorf("%d streams, %+v", d.source.Streams(), d.Status().State)
		}
		r.stores[0].unblock()
		r.settle()
		r.complete()
	}, newStore(), transactional())
}

// Targets that lose data again and again, as far as nothing of it was confirmed, cost nothing.
func TestSinkBehindAfterTheSourceWentBack(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.script.Commit(1)
		r.script.Add(capturetest.Transaction{Keys: []int{2, 3, 4}, Cuts: []int{1, 2}})
		r.settle()
		r.complete()
		r.script.Crash(0x1000)
		r.settle()
		r.complete()
		if d.source.Streams() != 2 || r.stores[0].opens() != 1 {
			t.Errorf("%d streams, %d opens", d.source.Streams(), r.stores[0].opens())
		}
		for i, s := range r.stores {
			if err := capturetest.Judge(r.script.Committed(), s.seen(), capturetest.ExactlyOnce); err != nil {
				t.Errorf("sink%d: %v", i, err)
			}
		}
	}, newStore(), transactional())
}
