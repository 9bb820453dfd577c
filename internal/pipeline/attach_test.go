package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// A sink without a record writes its first one where the stream begins, and nothing is confirmed before every sink has one.
func TestFirstStartWritesTheFirstRecord(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.stores[1].block()
		d := r.start()
		r.script.Idle(100)
		r.pass(10 * time.Second)
		if n := r.script.Statuses(); len(n) != 0 {
			t.Fatalf("confirmed %s while sink1 has no record", n)
		}
		if got := r.stores[0].position(); got.LSN != r.script.End() {
			t.Errorf("the record of sink0 is at %s", got)
		}
		r.stores[1].unblock()
		r.waitDurable()
		r.complete()
		if n := r.script.Statuses(); len(n) == 0 || n[0] != (capture.Position{LSN: r.script.End()}) && n[0] != at(0x1000) {
			t.Errorf("confirmed %s", n)
		}
		d.is(1, "streaming")
	}, newStore(), newStore())
}

// The record of a first start is at the start, not at zero and not at the first change.
func TestFirstRecordIsTheStart(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.start()
		if got := r.stores[0].position(); got != at(0x1000) {
			t.Errorf("the record is at %s", got)
		}
	}, newStore())
}

// A sink that is added to a running pipeline halts the lane, and so does one whose target was emptied, with a standby that takes
// over too. Nothing is written and nothing confirmed meanwhile.
func TestNoRecordHalts(t *testing.T) {
	for name, lose := range map[string]func(*rig, []*store){
		"added":   func(r *rig, all []*store) { r.stores = all },
		"emptied": func(_ *rig, all []*store) { all[0].set(func() { all[0].record, all[0].rows = nil, nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, r *rig) {
				all := r.stores
				r.stores, r.begin = all[:1], startrule.Ask
				r.script.Drop() // a first start is none of this
				r.script.Commit(1, 2)
				first := r.start()
				r.waitDurable()
				r.complete()
				first.stop()
				lose(r, all)
				bare := len(r.stores) - 1 // the sink without a record
				r.script.Commit(3)
				confirmed, rows := r.script.Confirmed(), len(all[0].seen())
				d := r.start()
				standby := r.start()
				for range 2 {
					r.waitDurable()
					d.is(bare, "no_record")
					if st := d.sink(bare).State; st.Kind != Halted || !strings.Contains(st.Fix, "tailrace accept -pipeline P no_record") {
						t.Errorf("%+v", st)
					}
					if r.script.Confirmed() != confirmed || len(all[0].seen()) != rows || len(all[1].seen()) != 0 {
						t.Fatalf("the lane has moved:\n%s", r.states())
					}
					d.kill()
					d = standby
				}
			}, newStore(), newStore())
		})
	}
}

// The word in the file is used once: with a record it does nothing, so a gap is a gap.
func TestStartNowIsUsedOnce(t *testing.T) {
	run(t, func(_ *testing.T, r *rig) {
		d := r.start()
		r.script.Commit(1)
		r.waitDurable()
		r.complete()
		d.stop()
		r.script.Commit(2)
		r.script.Advance(r.script.End())
		d = r.start()
		r.waitDurable()
		d.is(0, "gap")
	}, newStore())
}

// A sink that is new next to others and says start = "now" begins where the slot stands.
func TestANewSinkStartsAtTheSlot(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		old := r.stores
		r.stores = old[:1]
		d := r.start()
		r.script.Commit(1, 2)
		r.waitDurable()
		r.complete()
		d.stop()
		r.script.Commit(3)
		r.stores = old
		r.start()
		r.script.Commit(4)
		r.waitDurable()
		all := r.script.Committed()
		if err := capturetest.Judge(all, old[0].seen(), capturetest.AtLeastOnce); err != nil {
			t.Error("the old sink:", err)
		}
		if err := capturetest.Judge(all[2:], old[1].seen(), capturetest.ExactlyOnce); err != nil {
			t.Error("the new sink:", err)
		}
	}, newStore(), newStore())
}

// Another session advances the slot while the daemon is down: a start there would lose changes silently. The sink halts, and says how to go
// on; it was opened twice, because the first look might have been too old.
func TestGapHalts(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.start().stop()
		r.script.Commit(1)
		r.script.Advance(r.script.End())
		r.script.Commit(2)
		d := r.start()
		d.is(0, "gap")
		st := d.sink(0)
		if st.State.Kind != Halted || !strings.Contains(st.State.Fix, "tailrace drop") || !strings.Contains(st.State.Reason, "sink0") {
			t.Errorf("%+v", st.State)
		}
		if n := r.stores[0].opens(); n != 1+2 {
			t.Errorf("opened %d times", n)
		}
		select {
		case err := <-d.Halted():
			if p := capture.AsProblem(err); p == nil || p.State != "gap" {
				t.Errorf("%v", err)
			}
		default:
			t.Error("a strict daemon hears nothing")
		}
		r.waitDurable()
		if rows := r.stores[0].seen(); len(rows) != 0 {
			t.Errorf("%v was written over a gap", rows)
		}
		if n := r.stores[0].opens(); n < 3+5 || n > 3+8 {
			t.Errorf("opened %d times in a minute, wants to look again every 10 s", n)
		}
		if v := r.stores[0].progress().Verdict; v == nil || v.State != "gap" {
			t.Errorf("the record has the verdict %v", v)
		}
	}, newStore())
}

// A gap that the second Open does not see was none.
func TestGapOfAnOldLook(t *testing.T) {
	run(t, func(_ *testing.T, r *rig) {
		r.start().stop()
		r.script.Commit(1)
		r.script.Advance(r.script.End())
		s := r.stores[0]
		s.opening = func(generation int) {
			if generation == 3 {
				s.set(func() {
					s.land(r.script.Committed(), &sink.Progress{Position: at(r.script.End()), Origin: s.record.Origin})
				})
			}
		}
		d := r.start()
		d.is(0, "streaming")
		r.script.Commit(2)
		r.waitDurable()
		r.complete()
	}, newStore())
}

// A gap of one sink stops everything: its rows are not to be lost by what the others confirm.
func TestGapHoldsTheSlot(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Commit(1)
		d := r.start()
		r.waitDurable()
		d.stop()
		r.stores[0].lose(1)
		r.script.Commit(2)
		was := r.script.Confirmed()
		d = r.start()
		r.waitDurable()
		d.is(0, "gap")
		if r.script.Confirmed() != was {
			t.Errorf("confirmed %s", r.script.Confirmed())
		}
	}, newStore(), newStore())
}

// What the sinks must say for themselves, and what the source's history says of them.
func TestOriginIsJudged(t *testing.T) {
	for name, c := range map[string]struct {
		between func(r *rig, held capture.LSN)
		state   string
	}{
		"the same":             {func(*rig, capture.LSN) {}, "streaming"},
		"record lost":          {func(r *rig, _ capture.LSN) { loseRecords(r) }, "progress_lost"},
		"another cluster":      {func(r *rig, _ capture.LSN) { r.script.Replace(8) }, "wrong_cluster"},
		"promotion":            {func(r *rig, held capture.LSN) { r.script.Promote(held) }, "streaming"},
		"promotion later":      {func(r *rig, _ capture.LSN) { r.script.Commit(7); r.script.Promote(r.script.End()) }, "streaming"},
		"two promotions":       {func(r *rig, held capture.LSN) { r.script.Promote(held); r.script.Promote(held) }, "streaming"},
		"promotion that loses": {func(r *rig, held capture.LSN) { r.script.Promote(held - 8) }, "timeline_diverged"},
		"promotion that loses, overtaken": {func(r *rig, held capture.LSN) {
			r.script.Promote(held - 8)
			r.script.Commit(1, 2, 3, 4, 5)
		}, "timeline_diverged"},
		"restored to before": {func(r *rig, _ capture.LSN) { r.script.Restore(0x1000) }, "ahead_of_source"},
	} {
		for _, alive := range []bool{false, true} {
			if alive && name == "record lost" {
				continue // no daemon runs
			}
			t.Run(name+map[bool]string{true: ", running", false: ", started again"}[alive], func(t *testing.T) {
				run(t, func(t *testing.T, r *rig) {
					r.script.Commit(1)
					r.script.Commit(2)
					d := r.start()
					r.waitDurable()
					held := r.stores[0].position().LSN
					if held != r.script.End() {
						t.Fatal(held)
					}
					if !alive {
						d.stop()
					}
					c.between(r, held)
					if !alive {
						d = r.start()
					}
					r.pass(time.Second)
					d.is(0, c.state)
					d.is(1, c.state)
					r.script.Commit(9)
					r.waitDurable()
					if c.state == "streaming" {
						r.complete()
						return
					}
					if st := d.sink(0).State; st.Kind != Halted || st.Fix == "" {
						t.Errorf("%+v", st)
					}
					if got := r.stores[0].seen(); len(got) != 2 {
						t.Errorf("%v was written", got)
					}
				}, newStore(), newStore())
			})
		}
	}
}

// loseRecords takes every record away, and the sinks know that there was one.
func loseRecords(r *rig) {
	for _, s := range r.stores {
		s.set(func() { s.record, s.missing = nil, sink.RecordMissing })
	}
}

// A sink that fails again and again before it had its first record has lost nothing.
func TestNoRecordYet(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.stores[0].set(func() { r.stores[0].loses, r.stores[0].blocked = true, true })
		d := r.start()
		for range 3 {
			r.stores[0].breaks(errTarget)
			r.pass(10 * time.Second)
			if st := d.sink(0).State; st.Kind == Halted {
				t.Fatalf("%+v", st)
			}
		}
		r.script.Commit(1)
		r.stores[0].unblock()
		r.waitDurable()
		r.complete()
	}, newStore(), newStore())
}

// An Open that hangs does not keep a stream that has ended.
func TestStreamEndsWhileASinkIsOpened(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Commit(1)
		r.stores[0].set(func() { r.stores[0].hangs = true })
		d := r.start()
		if st := d.Status(); st.State.Name != "opening" || d.source.Streams() != 1 {
			t.Fatalf("%+v, %d streams", st.State, d.source.Streams())
		}
		r.stores[0].set(func() { r.stores[0].hangs = false })
		r.pass(time.Hour) // the sink's own limit is none
		r.script.Cut()
		r.waitDurable()
		r.complete()
		if d.source.Streams() != 2 || d.Status().State.Name != "streaming" {
			t.Errorf("%d streams, %+v", d.source.Streams(), d.Status().State)
		}
	}, newStore(), newStore())
}
