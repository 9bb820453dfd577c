package pipeline

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/sink"
)

// A regular end waits until what was accepted is durable, and confirms it.
func TestDrainAtTheEnd(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		for _, s := range r.stores {
			s.latency = time.Second
		}
		r.script.Commit(1)
		r.script.Commit(2)
		r.pass(time.Millisecond)
		d.stop()
		r.complete()
		if d.took > 4*time.Second || d.took < time.Second {
			t.Errorf("it took %s", d.took)
		}
	}, newStore(), transactional())
}

// A sink in which nothing more becomes durable delays the end by five seconds, and no more.
func TestDrainIsBounded(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.stores[0].block()
		r.script.Commit(1)
		r.pass(time.Second)
		d.stop()
		if d.took < drainTime || d.took > drainTime+10*time.Millisecond {
			t.Errorf("it took %s", d.took)
		}
		r.stores[0].unblock()
		r.start()
		r.waitDurable()
		r.complete()
	}, newStore(), transactional())
}

// However much the window has, and however slow a target takes it, the end comes in bounded time.
func TestEndWithAFullWindow(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.window = 1 << 30
		d := r.start()
		s := r.stores[0]
		s.set(func() {
			s.refuse = func(sink.Batch) error { s.mu.Unlock(); time.Sleep(900 * time.Millisecond); s.mu.Lock(); return nil }
		})
		for range 200 {
			r.script.Commit(make([]int, 6000)...) // 600 KB each
		}
		r.pass(3 * time.Second)
		d.stop()
		if d.took > grace+drainTime+time.Second {
			t.Errorf("it took %s", d.took)
		}
	}, newStore())
}

// A Write that waits for a target that is stuck gets a second when the stream ends; one that returns in it keeps its writer.
func TestGraceOfAWrite(t *testing.T) {
	for _, c := range []struct {
		name  string
		stuck time.Duration
		opens int
	}{{"returns in time", 500 * time.Millisecond, 1}, {"does not", time.Minute, 2}} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(t *testing.T, r *rig) {
				d := r.start()
				r.stores[0].limit = 1
				r.stores[0].block()
				for range 20 {
					r.script.Commit(1)
				}
				r.pass(time.Second)
				r.script.Cut()
				go func() {
					time.Sleep(c.stuck)
					r.stores[0].unblock()
				}()
				r.pass(3 * time.Minute)
				r.complete()
				if d.source.Streams() != 2 || r.stores[0].opens() != c.opens {
					t.Errorf("%d streams, opened %d times, want %d", d.source.Streams(), r.stores[0].opens(), c.opens)
				}
			}, newStore())
		})
	}
}
