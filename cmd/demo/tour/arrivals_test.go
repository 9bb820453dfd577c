package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// play takes events of one order, such as "read 3" or "update 4", and compares the end with the table's version, where 0
// means that the order does not exist.
func play(events string, version int64) error {
	a := newArrivals()
	for event := range strings.SplitSeq(events, ", ") {
		op, v, _ := strings.Cut(event, " ")
		n, _ := strconv.ParseInt(v, 10, 64)
		if err := a.take(arrival{id: 1, op: op, version: n}); err != nil {
			return fmt.Errorf("%s: %w", event, err)
		}
	}
	table := map[int64]int64{}
	if version > 0 {
		table[1] = version
	}
	return a.compare(table)
}

func TestArrivalsThatAreRight(t *testing.T) {
	for _, c := range []struct {
		events  string
		version int64
	}{
		{"insert 1", 1},
		{"insert 1, update 2, update 3", 3},
		{"read 5, update 6", 6},
		{"insert 1, update 2, update 3, update 2, update 3, update 4", 4},
		{"insert 1, update 2, update 3, update 2, insert 1, update 2, update 3", 3},
		{"insert 1, update 2, delete 0", 0},
		{"insert 1, update 2, delete 0, update 2, delete 0", 0},
	} {
		if err := play(c.events, c.version); err != nil {
			t.Errorf("%s: %v", c.events, err)
		}
	}
}

func TestArrivalsThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		name, events string
		version      int64
	}{
		{"the first is missing", "update 2", 2},
		{"one is missing", "insert 1, update 3", 3},
		{"the last is missing", "insert 1, update 2", 3},
		{"the deletion is missing", "insert 1, update 2", 0},
		{"two in the wrong order", "insert 1, update 3, update 2", 3},
		{"a repeat with a gap", "insert 1, update 2, update 3, insert 1, update 3", 3},
		{"a repeat that is no tail", "insert 1, update 2, update 3, insert 1, update 4", 4},
		{"a repeat that does not end", "insert 1, update 2, update 3, update 2", 3},
		{"a deletion too early", "insert 1, update 2, insert 1, delete 0", 0},
		{"a deletion of nothing", "delete 0", 0},
		{"an order that should be gone", "insert 1, delete 0, insert 1", 0},
	} {
		if err := play(c.events, c.version); err == nil {
			t.Errorf("%s is not seen: %s", c.name, c.events)
		}
	}
}

func TestArrivalsCount(t *testing.T) {
	a := newArrivals()
	for _, e := range []arrival{{id: 1, version: 4, op: "read"}, {id: 1, version: 5, op: "update"}, {id: 1, version: 5, op: "update"}} {
		if err := a.take(e); err != nil {
			t.Fatal(err)
		}
	}
	if reads, fresh, again, err := a.totals(); reads != 1 || fresh != 1 || again != 1 || err != nil {
		t.Errorf("%d rows of a snapshot, %d changes, %d again, %v", reads, fresh, again, err)
	}
	if err := a.compare(map[int64]int64{1: 5, 2: 1}); err == nil {
		t.Error("an order that never came is not seen")
	}
}
