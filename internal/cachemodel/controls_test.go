package cachemodel

import "testing"

// controls are models that lack one rule each, with a property that fails then. The names say what goes wrong.
var controls = []struct {
	property string
	bounds
}{
	{i1, bounds{name: "no tombstone: leases only", without: writesTombstone, readers: 1, kinds: onPrimary}},
	{i1, bounds{name: "an invalidation spares the lease", without: revokesLease, readers: 1, kinds: onPrimary}},
	{i1, bounds{name: "LSN proof on a primary", without: provesVisibility, readers: 1, kinds: onPrimary}},
	{i1, bounds{name: "no re-arm: a tombstone lapses while its commit is not visible", without: keepsUnsettled, readers: 1, kinds: onPrimary}},
	{i1, bounds{name: "snapshot proof on a standby", without: provesLSN, readers: 1, kinds: []kind{standby}}},
	{i1, bounds{name: "data before proof", without: proofBeforeData, readers: 1, kinds: onPrimary}},
	{i2, bounds{name: "confirming an unseen commit across a kill", without: confirmsSeen, readers: 1, kinds: onPrimary, kills: 1, losses: 1, empties: true}},
	{i1, bounds{name: "a tombstone that lapses while the daemon sleeps", without: outlivesDaemon, readers: 1, kinds: onPrimary, kills: 1}},
	{i1, bounds{name: "a standby further behind than W, without the floor", without: readsFloor, readers: 1, kinds: []kind{standby}}},
	{i1, bounds{name: "the floor after a gap in the heartbeat", without: restartsFloor, readers: 1, kinds: []kind{standby}}},
	{i1, bounds{name: "proof and data in one REPEATABLE READ snapshot on a standby", without: newSnapshot, readers: 1, kinds: []kind{standby}}},
	{i1, bounds{name: "the commit record's start instead of its end", without: usesEndLSN, readers: 1, kinds: []kind{standby}}},
	{i1, bounds{name: "a reader's snapshot older than its lease", without: snapshotAfterGet, readers: 1, kinds: []kind{repeatable}}},
	{i3, bounds{name: "filling uncommitted rows", without: skipsOwnWrites, readers: 1, kinds: onPrimary, aborts: true}},
	{i1, bounds{name: "the overflow ignored", without: provesOverflow, readers: 1, kinds: onPrimary, maxXIDs: 1, anyXIDs: true}},
	{i2, bounds{name: "a sweep without replay", without: replaysAfterSweep, readers: 1, kinds: onPrimary, losses: 1, empties: true}},
	{i2, bounds{name: "a sweep that spares leases", without: sweepsLeases, readers: 1, kinds: onPrimary, losses: 1}},
	{i2, bounds{name: "one watermark for two workers", without: watermarkIsMinimum, readers: 1, kinds: onPrimary, otherKey: true, workers: true, losses: 1}},
	{i2, bounds{name: "a write before the loss is noticed", without: expectsWatermark, readers: 1, kinds: onPrimary, losses: 1}},
	{i1, bounds{name: "refresh(delete) without a tombstone", without: refreshDeleteBuries, readers: 1, kinds: onPrimary, refreshes: true, oneRow: true}},
	{i1, bounds{name: "a version that lapses without a tombstone", without: refreshWritesTomb, readers: 1, kinds: onPrimary, refreshes: true, oneRow: true}},
	{i1, bounds{name: "replayed refreshes that set", without: replayInvalidates, readers: 1, kinds: onPrimary, refreshes: true, oneRow: true, kills: 1}},
	{i1, bounds{name: "the watermark of a batch of refreshes at its end only", without: watermarkEachCommit, transactions: 3, readers: 1, kinds: onPrimary, refreshes: true, oneRow: true, kills: 1}},
	{i1, bounds{name: "bulk sweeps without a section", without: writesSection, readers: 1, kinds: onPrimary, bulk: true}},
	{i1, bounds{name: "a section without the generation: the sweep alone", without: comparesGeneration, readers: 1, kinds: onPrimary, bulk: true}},
	{i1, bounds{name: "a lease that outlives a settled section", without: leaseEndsFirst, readers: 1, kinds: onPrimary, bulk: true}},
	{i3, bounds{name: "values of lost commits after a promotion", without: sweepsNewEpoch, readers: 1, kinds: onPrimary, failover: true}},
	{live, bounds{name: "xids of lost commits after a promotion", without: dropsOldXIDs, readers: 1, kinds: onPrimary, failover: true}},
	{i3, bounds{name: "a kill before the sweep of a new epoch", without: forgetsWatermark, readers: 1, kinds: onPrimary, failover: true, kills: 1}},
	{i1, bounds{name: "a negative mark that takes the tombstone along", without: lapsesAlone, readers: 1, kinds: onPrimary, negatives: true}},
	{i1, bounds{name: "late commands without the owner", without: guardsCommands, readers: 1, kinds: onPrimary, refreshes: true, oneRow: true, kills: 1, late: true}},
	{i2, bounds{name: "a restart that does not compare the watermark", without: sweepsLosses, readers: 1, kinds: onPrimary, kills: 1, losses: 1}},
	{i2, bounds{name: "a heartbeat from before a sweep", without: stopsHeartbeat, readers: 1, kinds: []kind{standby}, losses: 1}},
	{i2, bounds{name: "a kill between the replay and its sweep", without: sweepsFirst, readers: 1, kinds: onPrimary, otherKey: true, kills: 1, losses: 1}},
	{i3, bounds{name: "no second invalidation, and an evicted tombstone", without: repeatsInvalidation, readers: 1, kinds: onPrimary, evictions: true}},
	{i2, bounds{name: "the loss of a sweep", without: marksSweeps, readers: 1, kinds: onPrimary, bulk: true, losses: 1}},
}

func TestModelNeedsEachRule(t *testing.T) {
	var shown rule
	for _, c := range controls {
		shown |= c.without
		t.Run(c.name, func(t *testing.T) {
			if c.transactions == 0 {
				c.transactions = 2
			}
			r := run(c.bounds, c.property)
			if r.property == "" {
				t.Fatalf("no counterexample in %d states: the model does not show that the rule is needed", r.states)
			}
			t.Logf("%s is violated (%d states):\n%v", r.property, r.states, r)
		})
	}
	if shown != allRules {
		t.Errorf("the rules %b have no control", allRules&^shown)
	}
}
