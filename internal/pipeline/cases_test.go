package pipeline

import (
	"testing"
	"time"
)

// The cases that the model of the pipeline found in its first version, as far as they concern start and reconnect.

// Case 3: a sink with a transaction in flight, and the stream starts again. What was accepted is skipped, not only what is
// held, or the transaction is applied twice. Its writer stays open.
func TestCase3ReconnectWithAnOpenWriter(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.stores[0].block()
		r.script.Commit(1)
		r.pass(time.Second)
		if k := d.sink(0); !k.Durable.Before(k.Accepted) {
			t.Fatalf("nothing is in flight: accepted %s, held %s", k.Accepted, k.Durable)
		}
		r.script.Cut()
		r.pass(10 * time.Second)
		if d.source.Streams() != 2 {
			t.Fatalf("%d streams", d.source.Streams())
		}
		r.script.Commit(2)
		r.pass(time.Second)
		r.stores[0].unblock()
		r.waitDurable()
		r.complete()
		if n := r.stores[0].opens(); n != 1 {
			t.Errorf("the sink was opened %d times", n)
		}
	}, transactional(), newStore())
}

// Case 4: a standby opens nothing. It would fence its successor, and decide by an outdated position.
func TestCase4StandbyOpensNothing(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		first := r.start()
		second := r.start()
		r.script.Commit(1, 2)
		r.pass(10 * time.Second)
		for i, s := range r.stores {
			if s.opens() != 1 {
				t.Errorf("sink%d was opened %d times", i, s.opens())
			}
		}
		if st := second.Status(); st.Role != Standby || st.State.Name != "standby" || st.State.Kind != OK {
			t.Errorf("the standby is %s, %+v", st.Role, st.State)
		}
		r.complete()
		// The first moves on between the second's look at the slot and its start.
		second.source.Hook = func() {
			second.source.Hook = nil
			r.script.Commit(3)
			r.pass(time.Second)
			first.stop()
		}
		r.script.Commit(4)
		r.waitDurable()
		r.complete()
		if st := second.Status(); st.Role != Active || st.State.Name != "streaming" {
			t.Errorf("after the takeover: %s, %+v", st.Role, st.State)
		}
		for i, s := range r.stores {
			if s.opens() != 2 {
				t.Errorf("sink%d was opened %d times", i, s.opens())
			}
		}
	}, newStore(), transactional())
}

// A daemon that waits for a target and loses the slot meanwhile opens nothing when the target is back.
func TestAZombieOpensNothing(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.stores[0].refuses(errTarget)
		zombie := r.start()
		r.script.Orphan()
		r.script.Take(0)
		r.stores[0].refuses(nil)
		r.stores[0].set(func() { r.stores[0].opening = func(int) { t.Error("the zombie opens the sink") } })
		r.pass(time.Minute)
		if st := zombie.Status(); st.Role != Standby {
			t.Errorf("it is %s", st.Role)
		}
	}, newStore())
}

// A daemon whose sink another process has opened, although the slot is its own, begins again from the slot.
func TestFencedWithTheSlot(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.stores[0].set(func() { r.stores[0].generation += 5 })
		r.script.Commit(1)
		r.waitDurable()
		r.complete()
		if d.source.Streams() != 2 || d.log.FilterMessage("standby").Len() != 1 {
			t.Errorf("%d streams; the log: %v", d.source.Streams(), d.log.All())
		}
		d.is(0, "streaming")
	}, newStore(), newStore())
}

// Case 7: a daemon that was fenced while it had nothing to write learns it from the slot, and lets its writers go.
func TestCase7FencedWithNothingToWrite(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Commit(1)
		zombie := r.start()
		r.script.Orphan()
		r.pass(time.Second)
		successor := r.start()
		r.script.Commit(2)
		r.pass(time.Second)
		r.complete()
		if zombie.Status().Role != Active {
			t.Fatal("the zombie knows already; this test wants one that does not")
		}
		zombie.source.Cut()
		r.pass(10 * time.Second)
		if st := zombie.Status(); st.Role != Standby {
			t.Errorf("the zombie is %s", st.Role)
		}
		for i, s := range r.stores {
			if s.open() != 1 {
				t.Errorf("sink%d: %d writers are open", i, s.open())
			}
		}
		if st := successor.Status(); st.Role != Active {
			t.Errorf("the successor is %s: %s", st.Role, st.State.Reason)
		}
		r.script.Commit(3)
		successor.stop() // and the zombie may take over again
		r.script.Commit(4)
		r.waitDurable()
		r.complete()
	}, newStore(), transactional())
}

// Case 8: an empty batch is durable only with a durable record. A correct sink passes; one that reports p without
// the record makes a false gap of its daemon's death, and one that says it at the acknowledgement, too.
func TestCase8DurableOnlyWithARecord(t *testing.T) {
	honest := func() *store { return newStore() }
	empty := func() *store { s := newStore(); s.control.emptyDurableAtOnce = true; return s }
	ack := func() *store { s := newStore(); s.control.durableAtAck = true; return s }
	for name, c := range map[string]struct {
		store *store
		dies  func(*rig)
		state string
	}{
		"honest, idle":          {honest(), idleDeath, "streaming"},
		"honest, busy":          {honest(), busyDeath, "streaming"},
		"control: empty":        {empty(), idleDeath, "gap"},
		"control: acknowledged": {ack(), busyDeath, "gap"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(_ *testing.T, r *rig) {
				r.script.Commit(1)
				d := r.start()
				r.pass(time.Second)
				c.dies(r)
				d.kill()
				next := r.start()
				r.script.Commit(3)
				r.pass(time.Second)
				next.is(0, c.state)
				if c.state == "streaming" {
					r.waitDurable()
					r.complete()
				}
			}, c.store)
		})
	}
}

func idleDeath(r *rig) {
	r.script.Idle(800)
	r.pass(10 * time.Millisecond)
	r.stores[0].set(func() { r.stores[0].loses = true })
}

// busyDeath stops the world between the acknowledgement of the data and that of the record.
func busyDeath(r *rig) {
	s := r.stores[0]
	s.latency = 10 * time.Millisecond
	r.script.Commit(2)
	r.pass(15 * time.Millisecond)
	s.set(func() { s.loses = true })
}
