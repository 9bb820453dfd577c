package pipeline

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/sink"
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
		d.is(0, "sink_error")
		d.is(1, "streaming")
		if st := d.sink(0).State; st.Kind != Retrying || !strings.Contains(st.Reason, errTarget.Error()) {
			t.Errorf("%+v", st)
		}
		if d.Status().State.Name != "streaming" || d.source.Streams() != 1 {
			t.Errorf("the pipeline is %+v, %d streams", d.Status().State, d.source.Streams())
		}
		if got := d.value("retries_total", "p", "sink0"); got != float64(tries+1) {
			t.Errorf("%v retries are counted, there were %d", got, tries+1)
		}
		r.stores[0].refuses(nil)
		r.waitDurable()
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
		d.stays(0, "sink_error", 200*time.Second)
		if n := r.stores[0].opens() - before; n < 18 || n > 30 {
			t.Errorf("opened %d times in 200 s", n)
		}
		r.stores[0].set(func() { r.stores[0].refuse = nil })
		r.waitDurable()
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
		d.stays(0, "sink_error", 200*time.Second)
		if n := s.opens() - before; n < 18 || n > 30 {
			t.Errorf("opened %d times in 200 s", n)
		}
		s.set(func() { s.fails = nil })
		r.waitDurable()
		d.is(0, "streaming")
		r.complete()
		// The backoff was reset: the next problem is retried soon.
		before = s.opens()
		s.breaks(errTarget)
		r.pass(300 * time.Millisecond)
		if n := s.opens() - before; n != 1 {
			t.Errorf("opened %d times", n)
		}
	}, newStore(), newStore())
}

// A sink that acknowledges a minute late by design works as soon as it accepts; one that accepts nothing does not.
func TestTargetAcknowledgesLate(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		s := r.stores[0]
		s.set(func() { s.late, s.latency = true, time.Minute })
		d := r.start()
		r.script.Commit(1)
		r.pass(time.Second)
		s.breaks(errTarget)
		s.set(func() { s.refuse = func(sink.Batch) error { return errTarget } })
		r.pass(20 * time.Second)
		d.stays(0, "sink_error", time.Minute)
		s.set(func() { s.refuse = nil })
		r.pass(11 * time.Second)
		d.stays(0, "streaming", 30*time.Second)
		if k := d.sink(0); k.LagSeconds == 0 {
			t.Errorf("it holds already: %+v", k)
		}
		r.pass(5 * time.Minute)
		r.complete()
	}, transactional())
}

// A named state that only an operator ends is looked at every ten seconds; a strict daemon hears of it once.
func TestHaltedTarget(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		full := &capture.Problem{State: "topic_missing", Halted: true, Reason: "no topic", Fix: "create it"}
		r.stores[0].set(func() { r.stores[0].refuse = func(sink.Batch) error { return full } })
		r.script.Commit(1)
		r.pass(time.Second)
		before := r.stores[0].opens()
		d.stays(0, "topic_missing", 100*time.Second)
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
		r.waitDurable()
		d.is(0, "streaming")
		r.complete()
	}, newStore(), transactional())
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
		r.waitDurable()
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
		r.waitDurable()
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
		r.waitDurable()
		r.complete()
		if d.source.Streams() != 2 || r.stores[1].opens() != 1 {
			t.Errorf("%d streams, the other sink was opened %d times", d.source.Streams(), r.stores[1].opens())
		}
	}, transactional(), transactional())
}

// A sink in which nothing becomes durable holds the slot, and the others continue as far as the window allows.
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
		r.waitDurable()
		r.complete()
		if v := d.value("window_wait_seconds_total", "p", "sink1"); v < 3599 || v > 3700 {
			t.Errorf("waited %v s for sink1", v)
		}
	}, newStore(), newStore())
}

// What is confirmed is the smallest durable position of the sinks, and it only grows.
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
		r.waitDurable()
		r.complete()
		var last capture.Position
		for _, p := range r.script.Statuses() {
			if p.Before(last) {
				t.Fatalf("confirmed %s after %s", p, last)
			}
			last = p
		}
		if got := d.Status().Source.Confirmed; got.LSN != r.script.End() {
			t.Errorf("sent %s", got)
		}
	}, newStore(), newStore(), transactional())
}

// The stream ends while the window is full and Next is not called: the pipeline leaves it, and the next stream is served.
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
		r.waitDurable()
		r.complete()
	}, newStore(), transactional())
}

// Targets that lose data again and again, as far as nothing of it was confirmed, cost nothing.
func TestSinkBehindAfterTheSourceWentBack(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.script.Commit(1)
		r.script.Add(capturetest.Transaction{Keys: []int{2, 3, 4}, Cuts: []int{1, 2}})
		r.waitDurable()
		r.complete()
		r.script.Crash(0x1000)
		r.waitDurable()
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
