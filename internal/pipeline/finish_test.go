package pipeline

import (
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// state is that of the record; "" when there is none.
func (s *store) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.record == nil {
		return ""
	}
	return string(s.record.State)
}

// A first copy is recorded as finished before the stream starts again, without a change after it and with one that is on its
// way, and by a daemon that is being stopped. A sink that has something on its way for long leaves it to the next start.
func TestAFinishedCopyIsRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		latency time.Duration
		more    bool // a change comes while the copy is on its way
		stop    bool
		stores  []*store
		want    string
	}{
		"running":                   {latency: 300 * time.Millisecond, stores: []*store{newStore(), transactional()}, want: "done"},
		"a change is on its way":    {latency: 300 * time.Millisecond, stores: []*store{newStore(), transactional()}, more: true, want: "done"},
		"a change takes long":       {latency: time.Second, stores: []*store{newStore()}, more: true, want: "pending"},
		"stopped, nothing was held": {latency: 300 * time.Millisecond, stores: []*store{newStore(), transactional()}, stop: true, want: "done"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, r *rig) {
				r.script.Drop()
				r.script.Commit(1, 2, 3)
				for _, s := range r.stores {
					s.latency = c.latency
				}
				d := r.make()
				sessions := 0
				recorded := func(want string) {
					t.Helper()
					for i, s := range r.stores {
						if got := s.state(); got != want {
							t.Errorf("sink%d: the state is %q, want %q", i, got, want)
						}
					}
				}
				d.source.Hook = func() {
					if sessions++; sessions == 2 {
						recorded(c.want)
					}
				}
				d.run()
				r.pass(100 * time.Millisecond)
				if c.more {
					r.script.Commit(4)
				}
				if c.stop {
					d.stop()
				} else {
					r.waitDurable()
					if sessions != 2 {
						t.Errorf("%d streams", sessions)
					}
				}
				recorded("done")
			}, c.stores...)
		})
	}
}

// A daemon died between the lasting slot and the records: the next one writes them, without a change.
func TestAFinishedCopyIsRecordedByTheNext(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Drop()
		r.script.Commit(1, 2, 3)
		d := r.start()
		r.waitDurable()
		d.stop()
		for _, s := range r.stores {
			s.set(func() { s.record.State = []byte("pending") })
		}
		r.start()
		for i, s := range r.stores {
			if got := s.state(); got != "done" {
				t.Errorf("sink%d: the state is %q", i, got)
			}
		}
		r.complete()
	}, newStore(), transactional())
}

// A first copy that is not at its end does not hold up a daemon that is being stopped.
func TestAStopWithinAFirstCopy(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Drop()
		r.script.Commit(1, 2, 3)
		r.stores[1].refuse = func(b sink.Batch) error {
			if b.End.Seq == 2 {
				return &sink.Rejected{At: capture.Position{LSN: b.End.LSN, Seq: 1}, Reason: "too_large"}
			}
			return nil
		}
		d := r.start()
		d.is(1, "rejected")
		r.waitDurable()
		d.stop()
		if d.took > time.Second {
			t.Errorf("it took %s", d.took)
		}
	}, newStore(), newStore())
}
