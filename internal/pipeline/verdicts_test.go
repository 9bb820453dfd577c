package pipeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// A source is restored while one of two sinks does not answer, and has overtaken that one when it answers again. What the other
// one has shown counts for both: nothing is written or confirmed, and both have it in their records.
func TestASinkThatDidNotAnswerWhenTheSourceWasRestored(t *testing.T) {
	for name, c := range map[string]struct {
		// answers is the time between the restore and the answer of sink1.
		answers func(r *rig, d *daemon) *daemon
		unable  bool // sink0 takes no record
	}{
		"it answers to the same daemon": {answers: func(r *rig, d *daemon) *daemon {
			overtake(r)
			return d
		}},
		"the verdict is in memory only": {unable: true, answers: func(r *rig, d *daemon) *daemon {
			overtake(r)
			return d
		}},
		"the stream has broken": {answers: func(r *rig, d *daemon) *daemon {
			overtake(r)
			r.script.Cut()
			r.waitDurable()
			return d
		}},
		"it answers to another daemon": {answers: func(r *rig, d *daemon) *daemon {
			overtake(r)
			d.kill()
			return r.start()
		}},
		"it answers first": {answers: func(r *rig, d *daemon) *daemon {
			overtake(r)
			d.kill()
			r.stores[0].refuses(errTarget)
			d = r.start()
			r.stores[1].refuses(nil)
			r.waitDurable()
			if st := d.sink(1).State; st.Kind == Halted {
				t.Errorf("before sink0 answers: %+v", st)
			}
			r.stores[0].refuses(nil)
			return d
		}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, r *rig) {
				r.script.Commit(1)
				r.script.Commit(2)
				d := r.start()
				r.waitDurable()
				r.complete()
				r.stores[0].set(func() { r.stores[0].deaf = c.unable })
				r.stores[1].refuses(errTarget)
				r.stores[1].breaks(errTarget)
				r.script.Restore(0x1000)
				r.waitDurable()
				d.is(0, "ahead_of_source")
				d.is(1, "sink_error")
				confirmed := r.script.Confirmed()
				d = c.answers(r, d)
				r.stores[1].refuses(nil)
				r.waitDurable()
				for i, s := range r.stores {
					d.is(i, "ahead_of_source")
					if v := s.progress().Verdict.Find(startrule.AheadOfSource); (i == 1 || !c.unable) && (v == nil || v.Since.IsZero() || v.Confirmed != 0x1000) {
						t.Errorf("the record of sink%d has %+v", i, v)
					}
					if got := s.seen(); len(got) != 2 {
						t.Errorf("%v was written to sink%d", got, i)
					}
				}
				if n := r.script.Confirmed(); n != confirmed {
					t.Errorf("confirmed %s", n)
				}
				if !c.unable { // else the log has that it could not be written
					d.stays(1, "ahead_of_source", time.Minute)
				}
			}, newStore(), newStore())
		})
	}
}

// overtake lets the source continue until it is beyond the sinks.
func overtake(r *rig) {
	held := max(r.stores[0].position().LSN, r.stores[1].position().LSN)
	for r.script.End() <= held+1000 {
		r.script.Commit(3)
	}
	r.waitDurable()
}

// A sink that has no more than the restored source has is not halted with the other one where that is proven: by the server,
// which knows the commit, or by the slot, which was confirmed for it.
func TestASinkThatHasNoMoreThanTheRestoredSource(t *testing.T) {
	for name, c := range map[string]struct {
		tells, crash bool
		state        string
	}{
		"the server knows the commit":         {tells: true, crash: true},
		"the slot was confirmed for it":       {},
		"the slot has gone back: no evidence": {crash: true, state: "ahead_of_source"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, r *rig) {
				if c.tells {
					r.script.Tell()
				}
				r.script.Commit(1)
				first := r.script.End()
				d := r.start()
				r.waitDurable()
				r.complete()
				r.stores[1].refuses(errTarget)
				r.stores[1].breaks(errTarget)
				r.pass(time.Second)
				r.script.Commit(2)
				r.waitDurable()
				if at := r.stores[1].position(); at.LSN != first || r.stores[0].position().LSN == first {
					t.Fatalf("sink1 holds %s", at)
				}
				r.script.Restore(first)
				if c.crash {
					r.script.Crash(0x1000)
				}
				r.stores[1].refuses(nil)
				r.waitDurable()
				d.is(0, "ahead_of_source")
				if v := r.stores[1].progress().Verdict; (v != nil) != (c.state != "") {
					t.Errorf("the record of sink1 has %+v", v)
				}
				if st := d.sink(1).State; (st.Kind == Halted) != (c.state != "") {
					t.Errorf("sink1 is %+v", st)
				}
			}, newStore(), newStore())
		})
	}
}

// What a writer has accepted of a source that is then put back is not skipped: neither where the source is still behind it, nor
// where it has overtaken that and knows its commits. It is not taken for durable, either.
func TestWhatWasOnItsWayWhenTheSourceWasRestored(t *testing.T) {
	for name, c := range map[string]struct {
		tells      bool
		then, last func(r *rig) // the source's, before it is looked at and after
	}{
		"it is behind":             {then: func(*rig) {}, last: func(r *rig) { r.script.Commit(3); r.script.Commit(4) }},
		"it has overtaken":         {tells: true, then: func(r *rig) { r.script.Commit(3); r.script.Commit(4) }, last: func(r *rig) { r.script.Commit(5) }},
		"it writes nothing for us": {tells: true, then: func(*rig) {}, last: func(r *rig) { r.script.Idle(1000) }},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, r *rig) {
				s := r.stores[0]
				if c.tells {
					r.script.Tell()
				}
				r.script.Commit(1)
				first := r.script.End()
				d := r.start()
				r.waitDurable()
				r.complete()
				s.block()
				r.script.Commit(2)
				accepted := r.script.End()
				r.waitDurable()
				if k := d.sink(0); k.Accepted.LSN != accepted || k.Durable.LSN != first {
					t.Fatalf("accepted %s, held %s", k.Accepted, k.Durable)
				}
				r.script.Restore(first)
				c.then(r)
				r.waitDurable()
				s.unblock()
				c.last(r)
				r.waitDurable()
				r.script.Cut()
				r.waitDurable()
				r.complete()
				d.is(0, "streaming")
				if n := s.opens(); n != 2 {
					t.Errorf("it was opened %d times", n)
				}
			}, newStore())
		})
	}
}

// A sink that has passed waits for the others, and is checked again when one of them turns out to be ahead; one that is gone is
// not waited for.
func TestVerdictsAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerdicts(3)
		ahead := &sink.Verdict{State: startrule.AheadOfSource}
		type answer struct {
			again bool
			err   error
		}
		wait := func(ctx context.Context, index, then int) <-chan answer {
			c := make(chan answer, 1)
			go func() {
				again, err := v.wait(ctx, index, then)
				c <- answer{again, err}
			}()
			synctest.Wait()
			return c
		}
		waits := func(what string, c <-chan answer) {
			t.Helper()
			synctest.Wait()
			select {
			case a := <-c:
				t.Fatalf("%s: %+v", what, a)
			default:
			}
		}
		first := wait(t.Context(), 0, v.count())
		waits("two are being checked", first)
		v.put(1, &sink.Verdict{State: startrule.Gap})
		waits("another state", first)
		v.put(1, ahead)
		if a := <-first; !a.again || a.err != nil {
			t.Fatalf("%+v", a)
		}
		if n := len(v.others(0)); n != 1 || len(v.others(1)) != 0 {
			t.Errorf("%d verdicts of others", n)
		}
		if again, err := v.wait(t.Context(), 0, 0); !again || err != nil {
			t.Errorf("by less than is known: %v, %v", again, err)
		}
		first = wait(t.Context(), 0, v.count())
		v.put(1, ahead)
		waits("the same verdict", first)
		v.put(1, nil)
		second := wait(t.Context(), 1, v.count())
		waits("one is being checked", first)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := v.wait(ctx, 1, v.count()); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		v.remove(2)
		for _, c := range []<-chan answer{first, second} {
			if a := <-c; a.again || a.err != nil {
				t.Errorf("%+v", a)
			}
		}
	})
}
