package cachecheck

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
)

// version 1 returns at 1 s and version 2 at 2 s. The invalidation of version 2 has run at 3 s.
func exampleHistory() (*History, *Applied) {
	h := NewHistory(1)
	a := NewApplied(h, nil, protocol.Control{})
	for version := int64(1); version <= 2; version++ {
		time.Sleep(time.Second)
		h.returned(0, version)
		a.expect(0, version, protocol.LSN(100*version))
	}
	a.advance(100)
	time.Sleep(time.Second)
	a.advance(250)
	return h, a
}

func TestAgeAndLate(t *testing.T) {
	for _, c := range []struct {
		name      string
		version   int64
		began     time.Duration // the read
		age, late time.Duration
	}{
		{"the newest", 2, time.Minute, 0, 0},
		{"one that has not returned yet", 3, time.Minute, 0, 0},
		{"before the newer one returned", 1, 1500 * time.Millisecond, 0, 0},
		{"before its invalidation", 1, 2500 * time.Millisecond, 500 * time.Millisecond, 0},
		{"after its invalidation", 1, 3200 * time.Millisecond, 1200 * time.Millisecond, 200 * time.Millisecond},
		{"two versions behind", 0, 3200 * time.Millisecond, 2200 * time.Millisecond, 1200 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, a := exampleHistory()
				if age, late := h.Age(0, c.version, c.began), a.Late(0, c.version, c.began); age != c.age || late != c.late {
					t.Errorf("age %s, late %s; expected %s and %s", age, late, c.age, c.late)
				}
			})
		})
	}
}

// A commit may be invalidated before it returns: readers may see the old value until then.
func TestInvalidationBeforeTheReturnIsNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHistory(1)
		a := NewApplied(h, nil, protocol.Control{})
		time.Sleep(time.Second)
		a.expect(0, 1, 100)
		a.advance(100)
		time.Sleep(time.Second)
		h.returned(0, 1)
		if late := a.Late(0, 0, 3*time.Second); late != time.Second {
			t.Errorf("late %s", late)
		}
	})
}

// From a loss until its repair nothing is late, and after it only since the repair.
func TestLossExcusesHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := exampleHistory()
		a.Lose()
		if late := a.Late(0, 1, 10*time.Second); late != 0 {
			t.Errorf("late %s during the loss", late)
		}
		time.Sleep(6 * time.Second)
		a.Repaired() // at 9 s
		if late := a.Late(0, 1, 10*time.Second); late != time.Second {
			t.Errorf("late %s after the repair", late)
		}
	})
}

func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := exampleHistory()
		if a.Unapplied() != 0 {
			t.Error(a.Unapplied())
		}
		if p50, p99, longest := a.Delays(); p50 != time.Second || p99 != time.Second || longest != time.Second {
			t.Error(p50, p99, longest)
		}
	})
}

func TestTallyCountsAndPrints(t *testing.T) {
	var tally Tally
	for _, d := range []time.Duration{0, 50, 51, 1001} {
		tally.hit(d*time.Millisecond, d*time.Millisecond/2)
	}
	if tally.Hits != 4 || tally.Old != 2 || tally.VeryOld != 1 || tally.Late != 1 || tally.Latest != 500500*time.Microsecond {
		t.Errorf("%+v", tally)
	}
	if !tally.Lost() || (&Tally{}).Lost() || !(&Tally{Wrong: 1}).Lost() {
		t.Error("lost")
	}
	if text := Table([]Row{{"mine", tally}}); strings.Count(text, "\n") != 2 || !strings.Contains(text, "mine") {
		t.Error(text)
	}
}
