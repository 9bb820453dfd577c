package pipeline

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// A source that was restored to an older state comes up with the sink and overtakes it: what was written in between
// would be taken for durable. The sink stays halted, over streams too, and nothing is written or confirmed.
func TestAheadOfSourceStays(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Commit(1)
		r.script.Commit(2)
		d := r.start()
		r.waitDurable()
		r.complete()
		held := r.stores[0].position().LSN
		r.script.Restore(0x1000)
		r.pass(time.Second)
		d.is(0, "ahead_of_source")
		was := r.script.Confirmed()
		for r.script.End() <= held+1000 {
			r.script.Commit(3)
		}
		d.stays(0, "ahead_of_source", time.Minute)
		r.script.Cut()
		r.waitDurable()
		r.script.Commit(4)
		r.waitDurable()
		d.is(0, "ahead_of_source")
		if st := d.sink(0).State; st.Kind != Halted || st.Fix == "" {
			t.Errorf("%+v", st)
		}
		if got := r.stores[0].seen(); len(got) != 2 {
			t.Errorf("%v was written", got)
		}
		if n := r.script.Confirmed(); n != was {
			t.Errorf("confirmed %s", n)
		}
	}, newStore())
}

// Another timeline that begins where the sink stands, or after that, proves nothing: it may be that of the restored source.
func TestAheadOfSourceOnAnotherTimeline(t *testing.T) {
	run(t, func(_ *testing.T, r *rig) {
		r.script.Commit(1)
		r.script.Commit(2)
		d := r.start()
		r.waitDurable()
		held := r.stores[0].position().LSN
		r.script.Restore(0x1000)
		r.pass(time.Second)
		d.is(0, "ahead_of_source")
		for r.script.End() < held {
			r.script.Commit(3)
		}
		r.script.Promote(held)
		r.waitDurable()
		d.is(0, "ahead_of_source")
	}, newStore())
}

// A standby that lags behind the sink replays the same log: it may catch up.
func TestAheadOfAStandbyHeals(t *testing.T) {
	run(t, func(_ *testing.T, r *rig) {
		r.script.Commit(1)
		r.script.Commit(2)
		d := r.start()
		r.waitDurable()
		r.script.Lag(0x1000)
		r.pass(30 * time.Second)
		d.is(0, "ahead_of_source")
		r.script.Lag(r.script.End())
		r.pass(30 * time.Second)
		d.is(0, "streaming")
		r.script.Lag(0)
		r.script.Commit(3)
		r.waitDurable()
		r.complete()
	}, newStore())
}

// A source that continued between the read of its slot and the Open has what the sink has: that is no problem.
func TestAheadOfAnOldLook(t *testing.T) {
	run(t, func(_ *testing.T, r *rig) {
		r.script.Commit(1)
		r.start().stop()
		s := r.stores[0]
		s.opening = func(generation int) {
			if generation == 2 {
				r.script.Commit(2)
				rows := r.script.Committed()
				s.set(func() {
					s.land(rows[len(rows)-1:], &sink.Progress{Position: at(r.script.End()), Origin: s.record.Origin})
				})
			}
		}
		d := r.start()
		d.is(0, "streaming")
		r.script.Commit(3)
		r.waitDurable()
		r.complete()
	}, newStore())
}

// What the records say was published goes to the source, and the sinks record what is published now.
func TestAnotherPublicationIsRecorded(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Commit(1)
		d := r.make()
		var told []string
		d.source.Resumed = func(rs []capture.Record) error {
			for _, record := range rs {
				told = append(told, record.Origin.Publication)
			}
			return nil
		}
		d.run()
		r.waitDurable()
		for _, publication := range []string{"q", "q", "r"} {
			r.script.Alter(publication)
			r.waitDurable()
			r.script.Commit(2)
			r.waitDurable()
			r.complete()
			for i, s := range r.stores {
				if got := s.progress().Origin.Publication; got != publication {
					t.Errorf("sink%d records %q, want %q", i, got, publication)
				}
			}
		}
		want := []string{"", "", "p", "p", "q", "q", "q", "q"}
		if len(told) != len(want) {
			t.Fatalf("the source was told %q", told)
		}
		for i := range want {
			if told[i] != want[i] {
				t.Errorf("the source was told %q, want %q", told, want)
			}
		}
		if n := r.stores[0].opens(); n != 3 {
			t.Errorf("opened %d times: once for each publication is enough", n)
		}
	}, newStore(), transactional())
}
