package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/sink"
)

// restsAt has a copy rest for a minute after so many rows.
func restsAt(rows int) func(context.Context, int) error {
	return func(ctx context.Context, handed int) error {
		if handed == rows {
			return capture.Sleep(ctx, time.Minute)
		}
		return nil
	}
}

// What a former attempt of a copy has on its way does not belong to the next one, which begins with a writer of its own.
func TestACopyHasAWriterOfItsOwn(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		d := r.make()
		d.source.Copying = restsAt(3)
		r.stores[0].block() // the slot stays behind, so that the sink that joins has more than the next stream's start
		d.run()
		r.pass(10 * time.Second)
		d.is(1, "copying")
		opens := r.stores[1].opens()
		r.script.Cut()
		r.pass(10 * time.Second)
		d.is(1, "copying")
		if n := r.stores[1].opens(); n != opens+1 {
			t.Errorf("opened %d times for two copies", n-opens+1)
		}
		r.stores[0].unblock()
		r.waitDurable()
		r.waitDurable()
		r.complete()
	}, newStore(), newStore())
}

// A target is recreated while its sink works, and nothing has become durable since the daemon started: it gets a copy.
func TestATargetIsMadeNewMeanwhile(t *testing.T) {
	joiner(t, func(_ *testing.T, r *rig) {
		d := r.start()
		r.waitDurable()
		r.complete()
		d.stop()
		d = r.start()
		r.stores[1].breaks(errTarget)
		r.stores[1].empty()
		r.waitDurable()
		r.complete()
		d.is(1, "streaming")
	}, newStore(), newStore())
}

// The operator gives the sink a record while its copy is under way: the copy ends, and the sink goes on from the record.
func TestACopyIsMadeNeedless(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		d := r.make()
		d.source.Copying = restsAt(3)
		d.run()
		r.pass(10 * time.Second)
		d.is(1, "copying")
		s := r.stores[1]
		s.set(func() {
			s.record = &sink.Progress{
				Record: sink.RecordFound, Position: capture.Position{LSN: r.script.Confirmed()}, Origin: s.record.Origin, State: []byte("done"),
			}
		})
		had := len(s.seen())
		s.breaks(errTarget)
		r.pass(10 * time.Second)
		r.script.Commit(8)
		r.pass(10 * time.Second)
		d.is(1, "streaming")
		if got := s.seen()[had:]; len(got) != 1 || got[0].Key != 8 {
			t.Errorf("it gets %v", got)
		}
	}, newStore(), newStore())
}

// A daemon that is stopped when a sink has accepted the end of its copy waits until it is durable in the sink.
func TestAStopAtTheEndOfACopy(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		s := r.stores[1]
		s.latency, s.loses = time.Second, true
		d := r.start()
		if st := d.sink(1); st.State.Name != "copying" || st.Durable != (capture.Position{}) || st.Accepted.Seq > 0 {
			t.Fatalf("it is not at the end of its copy: %+v", st)
		}
		d.stop()
		if s.state() != "done" {
			t.Errorf("the record is %+v", s.record)
		}
		r.start()
		r.waitDurable()
		r.complete()
	}, newStore(), transactional())
}

// A daemon whose slot was taken over while its only sink was joining stands down when the sink is fenced.
func TestAZombieWithinACopy(t *testing.T) {
	for _, s := range []*store{newStore(), transactional()} {
		joiner(t, func(t *testing.T, r *rig) {
			s.empty()
			d := r.make()
			d.source.Copying = restsAt(3)
			d.run()
			r.pass(10 * time.Second)
			d.is(0, "copying")
			r.script.Orphan()
			r.start()
			r.waitDurable()
			r.waitDurable()
			r.complete()
			if st := d.Status(); st.Role != Standby {
				t.Errorf("its role is %s, %+v", st.Role, st.State)
			}
		}, s)
	}
}

// A copy takes no more memory than its window when the sink does not get on.
func TestACopyIsBounded(t *testing.T) {
	joiner(t, func(t *testing.T, r *rig) {
		const rows = 2 * copyWindow / capturetest.ChangeBytes
		keys := make([]int, rows)
		for i := range keys {
			keys[i] = 10 + i
		}
		r.script.Commit(keys...)
		read := 0
		d := r.make()
		d.source.Copying = func(_ context.Context, handed int) error {
			read = max(read, handed)
			return nil
		}
		r.stores[1].block()
		d.run()
		r.waitDurable()
		if read == 0 || read*capturetest.ChangeBytes > copyWindow+10*capturetest.ChangeBytes {
			t.Errorf("%d rows of %d bytes were read", read, capturetest.ChangeBytes)
		}
		r.stores[1].unblock()
		r.waitDurable()
		r.waitDurable()
		r.complete()
	}, newStore(), newStore())
}
