package aggregate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// limited is the aggregate of the tests, with small limits.
func limited(limit, memory string) string {
	return strings.Replace(placed, "key   = row.id", fmt.Sprintf("key = row.id\n limit = %q\n memory = %q", limit, memory), 1)
}

// An aggregate beyond its limit is rejected, with its change and a reason of its own. Those before it are there.
func TestLimitOfAnEvent(t *testing.T) {
	s := newStep(t, limited("1KiB", "1MiB"))
	changes := []capture.Change{insert(orders, 1, "x", 5), insert(orders, 2, "y", 5), insert(orders, 3, "z", 5)}
	for i := range 100 {
		changes = append(changes, insert(lines, i, 2, "sku", i))
	}
	events, err := s.run(transaction(16, changes...))
	why := transform.AsRejection(err)
	if why == nil || why.Reason != "aggregate_too_large" || why.Change == nil || why.Change.Seq != 1 || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	if !strings.Contains(err.Error(), `aggregate "OrderPlaced"`) || !strings.Contains(err.Error(), "its limit is 1024") {
		t.Error(err)
	}
	if events, err := s.run(transaction(32, insert(orders, 4, "x", 5))); err != nil || len(events) != 1 {
		t.Errorf("the next transaction: %d events, %v", len(events), err)
	}
}

// A transaction whose rows do not fit into the memory gives no event that lacks some. One without a root is none of the aggregate's
// business, however large it is.
func TestMemoryOfATransaction(t *testing.T) {
	children := func(n int) (changes []capture.Change) {
		for i := range n {
			changes = append(changes, insert(lines, i, 1, strings.Repeat("s", 100), 1))
		}
		return changes
	}
	roots := func(n int) (changes []capture.Change) {
		for i := range n {
			changes = append(changes, insert(orders, i, strings.Repeat("s", 100), 1))
		}
		return changes
	}
	s := newStep(t, limited("10KiB", "100KiB"))
	for _, c := range []struct {
		name    string
		changes []capture.Change
		bad     bool
		events  int
	}{
		{"many children and no root", children(1000), false, 0},
		{"many children after a root", append(roots(1), children(1000)...), true, 0},
		{"many children before a root", append(children(1000), roots(1)...), true, 0},
		{"many roots", roots(1000), true, 0},
		{"many roots that are gone", append(roots(1), append(children(1000), deleted(orders, 0))...), false, 0},
		{"few", append(roots(3), children(20)...), false, 3},
		{"many updates of one row", append(roots(1), repeat(5000, update(orders, 0, strings.Repeat("t", 100), 1))...), false, 1},
		{"many rows that come and go", comeAndGo(5000), false, 0},
	} {
		events, err := s.run(transaction(16, c.changes...))
		s.step.Reset()
		why := transform.AsRejection(err)
		if (why != nil) != c.bad || len(events) != c.events {
			t.Errorf("%s: %d events, %v", c.name, len(events), err)
		}
		if why != nil && (why.Reason != "aggregate_memory" || why.Change == nil || why.Change.Table != orders) {
			t.Errorf("%s: %+v", c.name, why)
		}
	}
}

// The data of all events of a transaction is limited too: a list that several roots share is in the data of each.
func TestMemoryOfTheData(t *testing.T) {
	s := newStep(t, strings.Replace(limited("64KiB", "64KiB"), "child.order_id == row.id", "child.order_id == row.total", 1))
	var changes []capture.Change
	for i := range 50 {
		changes = append(changes, insert(orders, i, "x", 7), insert(lines, i, 7, strings.Repeat("s", 200), 1))
	}
	events, err := s.run(transaction(16, changes...))
	if why := transform.AsRejection(err); why == nil || why.Reason != "aggregate_memory" || len(events) == 0 || len(events) == 50 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func repeat(n int, c capture.Change) (changes []capture.Change) {
	for range n {
		changes = append(changes, c)
	}
	return changes
}

func comeAndGo(n int) (changes []capture.Change) {
	for i := range n {
		changes = append(changes, insert(orders, i, strings.Repeat("s", 100), 1), deleted(orders, i))
	}
	return changes
}

// A key that two rows have for a time is not guessed.
func TestAmbiguousKey(t *testing.T) {
	swaps := *orders
	swaps.Deferrable = [][]string{{"id"}}
	s := newStep(t, placed)
	_, err := s.run(transaction(16, insert(&swaps, 1, "x", 5), insert(&swaps, 2, "y", 5), moved(&swaps, 1, 2, "x", 5)))
	if why := transform.AsRejection(err); why == nil || why.Reason != "aggregate_ambiguous_key" {
		t.Error(err)
	}
}

// 10,000 roots with 100,000 children cost as much per row as 100 with 1,000.
func BenchmarkTransaction(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("%d roots", n), func(b *testing.B) {
			s := newStep(b, strings.Replace(placed, "key   = row.id", "key = row.id\n memory = \"1GiB\"", 1))
			var changes []capture.Change
			for i := range n {
				changes = append(changes, insert(orders, i, "new", 5))
				for j := range 10 {
					changes = append(changes, insert(lines, 10*i+j, i, "sku", j))
				}
			}
			changes = transaction(16, changes...)
			tx := changes[0].Tx
			var dst []transform.Event
			for b.Loop() {
				for i := range changes {
					dst, _ = s.chain.Apply(dst[:0], transform.Event{Change: &changes[i]})
				}
				events, err := s.chain.Commit(dst[:0], tx)
				if err != nil || len(events) != n {
					b.Fatal(len(events), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(changes)), "ns/change")
		})
	}
}

// A change of another table costs no allocation.
func TestOtherTablesAllocNothing(t *testing.T) {
	s := newStep(t, placed)
	c := transaction(16, insert(notes, 1, 1, "x"))
	var dst []transform.Event
	n := testing.AllocsPerRun(100, func() {
		dst, _ = s.chain.Apply(dst[:0], transform.Event{Change: &c[0]})
		_, _ = s.chain.Commit(dst[:0], c[0].Tx)
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
