package cachemodel

import (
	"os"
	"testing"
)

var (
	onPrimary = []kind{primary}
	everyKind = []kind{primary, standby, replica}
)

// small are models of the full protocol that every test run has time for.
var small = []bounds{
	{name: "primary", transactions: 2, readers: 2, kinds: []kind{primary, repeatable}, aborts: true, kills: 1},
	{name: "overflow", transactions: 2, readers: 2, kinds: onPrimary, maxXIDs: 1, anyXIDs: true, aborts: true, kills: 1},
	{name: "standby", transactions: 2, readers: 1, kinds: everyKind, negatives: true, kills: 1},
	{name: "standby, losses", transactions: 2, readers: 1, kinds: []kind{standby}, losses: 1, empties: true},
	{name: "losses", transactions: 2, readers: 1, kinds: onPrimary, kills: 1, losses: 1, empties: true},
	{name: "losses, another key", transactions: 2, readers: 1, kinds: onPrimary, otherKey: true, kills: 1, losses: 1},
	{name: "evicted sidecars", transactions: 2, readers: 2, kinds: onPrimary, evictions: true, kills: 1},
	{name: "refresh", transactions: 2, readers: 1, kinds: onPrimary, refreshes: true, oneRow: true, kills: 1, losses: 1},
	{name: "bulk", transactions: 2, readers: 2, kinds: onPrimary, bulk: true, kills: 1},
	{name: "bulk, losses", transactions: 2, readers: 1, kinds: onPrimary, bulk: true, losses: 1},
	{name: "promotion", transactions: 2, readers: 2, kinds: onPrimary, failover: true, kills: 1},
	{name: "late command", transactions: 2, readers: 2, kinds: onPrimary, kills: 1, late: true},
	{name: "late refresh", transactions: 2, readers: 1, kinds: onPrimary, kills: 1, late: true, refreshes: true, oneRow: true},
	{name: "two workers", transactions: 3, readers: 1, kinds: onPrimary, otherKey: true, workers: true, losses: 1},
}

// large are models of the full protocol for minutes, and for gigabytes of memory.
var large = []bounds{
	{name: "four transactions", transactions: 4, readers: 3, kinds: onPrimary},
	{name: "primary", transactions: 3, readers: 2, kinds: []kind{primary, repeatable}, aborts: true, kills: 1},
	{name: "overflow", transactions: 3, readers: 2, kinds: onPrimary, maxXIDs: 1, anyXIDs: true, aborts: true, kills: 1},
	{name: "standby", transactions: 2, readers: 2, kinds: []kind{primary, standby}, negatives: true, kills: 1},
	{name: "standby, three readers", transactions: 2, readers: 3, kinds: everyKind, negatives: true, steadyBeat: true},
	{name: "standby, losses", transactions: 2, readers: 1, kinds: everyKind, kills: 1, losses: 1, empties: true},
	{name: "losses", transactions: 3, readers: 1, kinds: onPrimary, kills: 1, losses: 1, empties: true},
	{name: "losses, two readers", transactions: 2, readers: 2, kinds: onPrimary, kills: 1, losses: 1, empties: true},
	{name: "two losses", transactions: 2, readers: 1, kinds: onPrimary, kills: 1, losses: 2, empties: true},
	{name: "losses, another key", transactions: 3, readers: 1, kinds: onPrimary, otherKey: true, kills: 1, losses: 1, empties: true},
	{name: "evicted sidecars", transactions: 3, readers: 2, kinds: onPrimary, evictions: true, kills: 1},
	{name: "refresh", transactions: 3, readers: 1, kinds: onPrimary, refreshes: true, oneRow: true, kills: 1, losses: 1, empties: true},
	{name: "bulk", transactions: 3, readers: 2, kinds: onPrimary, bulk: true, kills: 1},
	{name: "bulk, losses", transactions: 2, readers: 1, kinds: onPrimary, bulk: true, losses: 2, empties: true, kills: 1},
	{name: "bulk, standby", transactions: 2, readers: 1, kinds: everyKind, bulk: true, kills: 1},
	{name: "promotion", transactions: 3, readers: 2, kinds: onPrimary, failover: true, kills: 1},
	{name: "late command, losses", transactions: 2, readers: 1, kinds: onPrimary, kills: 1, late: true, losses: 1},
	{name: "late refresh", transactions: 3, readers: 1, kinds: onPrimary, kills: 1, late: true, refreshes: true, oneRow: true},
}

func TestModelHolds(t *testing.T) {
	for _, b := range small {
		t.Run(b.name, func(t *testing.T) { holds(t, b) })
	}
}

func TestSoakModelHolds(t *testing.T) {
	if os.Getenv("TAILRACE_SOAK") == "" {
		t.Skip("set TAILRACE_SOAK")
	}
	for _, b := range large {
		t.Run(b.name, func(t *testing.T) { holds(t, b) })
	}
}

func holds(t *testing.T, b bounds) {
	t.Helper()
	r := run(b, "")
	t.Logf("%d states", r.states)
	if r.property != "" {
		t.Fatalf("%s is violated:\n%v", r.property, r)
	}
}
