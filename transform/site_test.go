package transform_test

import (
	"sync"
	"testing"

	"github.com/tailrace/tailrace/transform"
)

func TestRules(t *testing.T) {
	var rules transform.Rules
	one := rules.Add("one", nil)
	two := rules.Add("two", one.Seen)
	if rules.Add("one", nil) != one {
		t.Error("a rule of the same name has counters of its own")
	}
	if all := rules.All(); len(all) != 2 || all[0] != one || all[1] != two {
		t.Errorf("%d rules", len(all))
	}
	one.Seen.Add(3)
	one.Matched.Add(1)
	for r, want := range map[*transform.Rule][2]uint64{one: {1, 2}, two: {0, 3}} {
		if matched, not := r.Counts(); matched != want[0] || not != want[1] {
			t.Errorf("%s: %d matched, %d not", r.Name, matched, not)
		}
	}
	var none *transform.Rules
	if none.Add("one", nil).Seen == nil || len(none.All()) != 0 {
		t.Error("without Rules no rule is listed, and none counts")
	}
}

// TestCountsNeverDecrease: a counter that decreases looks like a restart to Prometheus.
func TestCountsNeverDecrease(t *testing.T) {
	rule := (&transform.Rules{}).Add("one", nil)
	var counting sync.WaitGroup
	counting.Go(func() {
		for i := range 20_000 {
			rule.Seen.Add(1)
			if i%3 > 0 {
				rule.Matched.Add(1)
			}
		}
	})
	var last [2]uint64
	for range 20_000 {
		matched, not := rule.Counts()
		if matched < last[0] || not < last[1] {
			t.Fatalf("%d matched, %d not, after %v", matched, not, last)
		}
		last = [2]uint64{matched, not}
	}
	counting.Wait()
}
