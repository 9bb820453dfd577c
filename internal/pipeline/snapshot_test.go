package pipeline

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/sink"
)

// A first start copies the rows, makes the slot permanent when they are durable in every sink, and continues with the stream.
func TestFirstStartCopies(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Drop()
		r.script.Commit(1, 2, 3)
		d := r.start()
		r.script.Commit(4)
		r.waitDurable()
		r.complete()
		if d.source.Streams() != 2 {
			t.Errorf("%d streams", d.source.Streams())
		}
		for i, s := range r.stores {
			if s.opens() != 1 || string(s.record.State) != "done" {
				t.Errorf("sink%d: %d opens, state %q", i, s.opens(), s.record.State)
			}
		}
		if st := d.Status(); st.Source.Copied != 0 || st.State.Name != "streaming" {
			t.Errorf("%+v", st)
		}
	}, newStore(), transactional())
}

// While rows are copied the state says so, with the count.
func TestCopyingIsAState(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.window = 300
		r.script.Drop()
		r.script.Commit(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
		r.stores[0].limit = 1
		r.stores[0].block()
		d := r.start()
		st := d.Status()
		if st.State.Name != "snapshot" || st.State.Kind != OK || st.Source.Copied == 0 || st.Source.Estimated != 12 {
			t.Errorf("%+v, %+v", st.State, st.Source)
		}
		if v := d.value("snapshot_rows_estimated", "p"); v != 12 {
			t.Errorf("estimated %v", v)
		}
		r.stores[0].unblock()
		r.waitDurable()
		r.complete()
	}, newStore())
}

// A daemon dies while it copies. The next one begins from scratch, whatever the sinks have recorded of the first copy: what they
// hold does not matter.
func TestCopyBeginsAnew(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Drop()
		r.script.Commit(1, 2, 3, 4, 5, 6)
		r.stores[0].latency = time.Second // the other one has it all soon
		d := r.start()
		r.pass(3 * time.Second)
		d.kill()
		if len(r.stores[0].seen()) == 0 || len(r.stores[1].seen()) != 6 {
			t.Fatalf("%d and %d rows", len(r.stores[0].seen()), len(r.stores[1].seen()))
		}
		var told []capture.Record
		d = r.make()
		d.source.Resumed = func(records []capture.Record) error {
			if told == nil {
				told = records
			}
			return nil
		}
		d.run()
		r.waitDurable()
		r.complete()
		if len(told) != 2 || string(told[0].State) != "pending" || string(told[1].State) != "pending" || told[1].Sink != "sink1" {
			t.Errorf("the source is told %v", told)
		}
		if n := len(r.stores[1].seen()); n != 12 {
			t.Errorf("the sink that had the whole copy got %d rows", n)
		}
	}, newStore(), newStore())
}

// A sink fails in the middle of a copy, and is opened again: it continues from what is durable of this copy, or from the
// beginning when its record is of an older one.
func TestSinkOpensAgainWithinACopy(t *testing.T) {
	for name, after := range map[string]time.Duration{"before its first record": 0, "with a part": 4500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, r *rig) {
				r.script.Drop()
				r.script.Commit(1, 2, 3, 4, 5, 6)
				r.stores[0].latency = 500 * time.Millisecond
				first := r.start()
				r.pass(2 * time.Second)
				first.kill() // it leaves a record of an older copy
				d := r.make().run()
				r.pass(after + time.Millisecond)
				r.stores[0].set(func() { r.stores[0].loses = true })
				r.stores[0].breaks(errTarget)
				r.waitDurable()
				r.complete()
				if d.source.Streams() != 2 {
					t.Errorf("%d streams", d.source.Streams())
				}
				if r.stores[0].opens() != 3 {
					t.Errorf("opened %d times", r.stores[0].opens())
				}
			}, newStore(), newStore())
		})
	}
}

// The source halts the pipeline where the slot is missing and a sink has been beyond the copy: rows would be lost.
func TestSlotMissing(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Commit(1)
		d := r.start()
		r.waitDurable()
		r.complete()
		r.script.Drop()
		r.waitDurable()
		st := d.Status()
		if st.State.Name != "slot_missing" || st.State.Kind != Halted {
			t.Errorf("%+v", st.State)
		}
		if err := <-d.Halted(); capture.AsProblem(err) == nil {
			t.Errorf("%v", err)
		}
		if n := len(r.stores[0].seen()); n != 1 {
			t.Errorf("%d rows", n)
		}
	}, newStore())
}

// A sink that keeps no record takes no part in what the source is told, gets the copy, and starts at the slot otherwise.
func TestForgetfulSink(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Drop()
		r.script.Commit(1, 2)
		d := r.start()
		r.script.Commit(3)
		r.waitDurable()
		r.complete()
		d.stop()
		r.script.Commit(4)
		d = r.make()
		d.source.Resumed = func(records []capture.Record) error {
			if len(records) != 1 || records[0].Sink != "sink1" {
				t.Errorf("the source is told %v", records)
			}
			return nil
		}
		d.run()
		r.waitDurable()
		r.complete()
		r.stores[0].set(func() { r.stores[0].loses = true })
		r.script.Commit(5)
		r.stores[0].breaks(errTarget) // begins at the slot again
		r.waitDurable()
		r.complete()
	}, forgetful(), newStore())
}

// A sink that loses its record while we run, and knows it, halts; what the slot keeps is not let go.
func TestRecordLostWhileRunning(t *testing.T) {
	for _, says := range []sink.RecordState{sink.RecordMissing, sink.RecordNone} {
		run(t, func(t *testing.T, r *rig) {
			d := r.start()
			r.script.Commit(1)
			r.waitDurable()
			s := r.stores[0]
			s.set(func() { s.record, s.missing = nil, says })
			s.breaks(errTarget)
			r.script.Commit(2)
			r.waitDurable()
			d.is(0, "progress_lost")
			if err := capturetest.Judge(r.script.Committed()[:1], s.seen(), capturetest.ExactlyOnce); err != nil {
				t.Error(err)
			}
		}, newStore(), newStore())
	}
}

// A daemon dies in a copy of which no row is durable in a sink yet. The record of the start alone must not look like one from
// beyond the copy, or the next first start halts for ever.
func TestDeathBeforeARowOfTheCopyIsDurable(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.copied = true
		r.script.Drop()
		r.script.Commit(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
		r.stores[0].latency = time.Second // the copy is one transaction for sink1, which has to wait for it
		r.window = 300
		d := r.start()
		r.pass(3 * time.Second)
		d.kill()
		if n := len(r.stores[1].seen()); n != 0 {
			t.Fatalf("sink1 has %d rows", n)
		}
		d = r.start()
		r.waitDurable()
		r.complete()
		if st := d.Status().State; st.Name != "streaming" {
			t.Errorf("%+v", st)
		}
	}, newStore(), transactional())
}
