package conn

import (
	"math/rand/v2"
	"testing"
	"time"
)

// run simulates bytes that arrive at a steady rate, in bytes per second, in reads of n, and counts how often the heat changed.
func (f *flow) run(now time.Time, rate float64, n int, d time.Duration) (time.Time, int) {
	turns := 0
	step := time.Duration(float64(n) / rate * float64(time.Second))
	chance := rand.New(rand.NewPCG(1, 2))
	for end := now.Add(d); now.Before(end); {
		now = now.Add(step*9/10 + time.Duration(chance.Int64N(int64(step)/5+1)))
		was := f.heat
		if f.record(n, now); f.heat != was {
			turns++
		}
	}
	return now, turns
}

// The heat depends on the rate, not on the size of the reads, and does not change while the rate is steady.
func TestFlowByRate(t *testing.T) {
	for _, c := range []struct {
		rate float64
		heat int
	}{{1e3, cold}, {5e5, cold}, {2e6, hot}, {12e6, hot}, {30e6, pouring}, {1e9, pouring}} {
		for _, n := range []int{100, 1500, 16 << 10} {
			if float64(n)/c.rate > 0.01 {
				continue // a read now and then
			}
			f := flow{}
			now, _ := f.run(time.Unix(100, 0), c.rate, n, 200*time.Millisecond)
			if f.heat != c.heat {
				t.Errorf("%.0f B/s in reads of %d: heat %d", c.rate, n, f.heat)
			}
			if _, turns := f.run(now, c.rate, n, 2*time.Second); turns > 0 {
				t.Errorf("%.0f B/s in reads of %d: turned %d times at a steady rate", c.rate, n, turns)
			}
		}
	}
}

// A hot flow survives a pause of the sender that is shorter than a lull, with little or no data in it, but no longer one.
func TestFlowPause(t *testing.T) {
	f := flow{}
	now, _ := f.run(time.Unix(100, 0), 50e6, 32<<10, 100*time.Millisecond)
	f.bytes, f.since = 0, now
	if f.record(0, now.Add(span)); f.heat == cold {
		t.Error("cold after a rest in which nothing came")
	}
	if f.record(100, now.Add(lull-1)); f.heat == cold {
		t.Error("cold before the lull is over")
	}
	if f.record(100, now.Add(lull+span)); f.heat != cold {
		t.Error("hot after a lull")
	}
	now, _ = f.run(now.Add(lull+span), 50e6, 32<<10, 100*time.Millisecond)
	if f.record(100, now.Add(time.Second)); f.heat != cold {
		t.Error("hot after a second of silence")
	}
}
