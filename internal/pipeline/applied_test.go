package pipeline

import (
	"testing"
	"time"
)

// What a cache has applied is no lag, although the slot keeps it for a minute, and the end of the daemon does not wait for it.
func TestAppliedIsNotDurable(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		s := r.stores[0]
		s.set(func() { s.late, s.applies, s.latency = true, true, time.Minute })
		d := r.start()
		r.script.Commit(1)
		r.script.Commit(2)
		r.pass(30 * time.Second)
		k := d.sink(0)
		if k.LagSeconds != 0 || k.LagBytes != 0 || k.Applied.LSN != r.script.End() {
			t.Errorf("applied: %+v", k)
		}
		if !k.Durable.Before(k.Applied) || k.HoldSeconds < 29 {
			t.Errorf("it is durable already: %+v", k)
		}
		d.stop()
		if d.took > time.Second {
			t.Errorf("the end took %s", d.took)
		}
		d = r.start()
		r.pass(3 * time.Minute)
		if k := d.sink(0); k.HoldSeconds != 0 || k.Durable != k.Applied {
			t.Errorf("not durable after its latency: %+v", k)
		}
		r.complete()
	}, transactional())
}

// A cache that has lost what it had applied is behind again until that is written once more.
func TestAppliedIsLost(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		s := r.stores[0]
		s.set(func() { s.late, s.applies, s.latency = true, true, time.Minute })
		d := r.start()
		r.script.Commit(1)
		r.pass(time.Second)
		s.breaks(errTarget)
		s.refuses(errTarget)
		r.pass(20 * time.Second)
		if k := d.sink(0); k.LagSeconds == 0 && k.Applied.LSN == r.script.End() && !k.Unproven {
			t.Errorf("while it is away: %+v", k)
		}
		s.refuses(nil)
		r.pass(5 * time.Minute)
		if k := d.sink(0); k.LagSeconds != 0 || k.Durable != k.Applied {
			t.Errorf("after it is back: %+v", k)
		}
		r.complete()
	}, transactional())
}
