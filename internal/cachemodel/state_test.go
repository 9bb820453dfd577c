package cachemodel

import (
	"fmt"
	"strings"
)

const (
	maxTransactions = 4
	maxReaders      = 3

	orphan      = 0xfe // the lease of a reader that has given up
	noWatermark = 0xff
)

// set is a set of transactions.
type set uint8

// one is the set of transaction i.
func one(i uint8) set { return 1 << (i - 1) }

func (s set) has(i uint8) bool { return s&one(i) != 0 }

func (s set) String() string {
	var names []string
	for i := uint8(1); i <= maxTransactions; i++ {
		if s.has(i) {
			names = append(names, fmt.Sprintf("T%d", i))
		}
	}
	return "{" + strings.Join(names, ",") + "}"
}

// bounds is what a model consists of, and the rules that it lacks.
type bounds struct {
	name         string
	without      rule
	transactions uint8
	readers      int
	kinds        []kind
	oneRow       bool  // a writer waits until the previous one is visible
	aborts       bool  // transactions may abort
	maxXIDs      int   // of a tombstone before it overflows; 0: never
	anyXIDs      bool  // xids are not in the order of commits
	negatives    bool  // a value without T1 is a negative mark
	refreshes    bool  // the daemon stores values itself
	bulk         bool  // T1 changes the whole namespace
	otherKey     bool  // T2 changes another key
	workers      bool  // and another worker applies it
	evictions    bool  // of the sidecar: only I3 and Live hold
	steadyBeat   bool  // the heartbeat never expires
	kills        uint8 // of the daemon
	late         bool  // a command of a killed daemon arrives later
	losses       uint8 // of Redis, to an older state
	empties      bool  // or to an empty one
	failover     bool  // of the source, to the standby
}

func (b *bounds) has(r rule) bool { return b.without&r == 0 }

// lags reports whether a standby or a replica is part of the model.
func (b *bounds) lags() bool {
	for _, k := range b.kinds {
		if k.byLSN() {
			return true
		}
	}
	return b.failover
}

func (b *bounds) byLSN() bool { return b.lags() && !b.failover }

// state is a state of the whole.
type state struct {
	redis    redis
	saved    redis // what a replica of Redis, or its log, has; valid with hasSaved
	hasSaved bool
	losses   uint8

	tx         [maxTransactions]txState
	rank       [maxTransactions]uint8 // the order of xids
	replayed   uint8                  // by the standby or the replica
	failedOver bool

	daemon  daemon
	readers [maxReaders]reader
	ever    set // invalidations that ever ran
}

// start returns a state for each order of xids.
func (b *bounds) start() []state {
	s := state{losses: b.losses}
	s.daemon.up, s.daemon.next, s.daemon.kills = true, 1, b.kills
	s.redis.heartbeat = true
	var all []state
	for _, rank := range b.ranks() {
		s.rank = rank
		all = append(all, s)
	}
	return all
}

func (b *bounds) ranks() [][maxTransactions]uint8 {
	if !b.anyXIDs {
		return [][maxTransactions]uint8{{1, 2, 3, 4}}
	}
	var all [][maxTransactions]uint8
	var extend func(rank [maxTransactions]uint8, n uint8, used set)
	extend = func(rank [maxTransactions]uint8, n uint8, used set) {
		if n == b.transactions {
			all = append(all, rank)
			return
		}
		for x := uint8(1); x <= b.transactions; x++ {
			if !used.has(x) {
				rank[n] = x
				extend(rank, n+1, used|one(x))
			}
		}
	}
	extend([maxTransactions]uint8{}, 0, 0)
	return all
}

// normalize maps states that differ in the names of readers only to one of them.
func (b *bounds) normalize(s *state) {
	if !s.hasSaved {
		s.saved = redis{}
	}
	for again := true; again; {
		again = false
		for j := 0; j+1 < b.readers; j++ {
			if s.outOfOrder(j) {
				s.readers[j], s.readers[j+1] = s.readers[j+1], s.readers[j]
				s.redis.swapLease(j)
				s.saved.swapLease(j)
				again = true
			}
		}
	}
}

func (s *state) outOfOrder(j int) bool {
	a, b := s.readers[j].order(), s.readers[j+1].order()
	if a != b {
		return a < b
	}
	next := uint8(j + 2)
	return s.redis.lease == next || s.redis.lease != next-1 && s.saved.lease == next
}

func (r *redis) swapLease(j int) {
	switch r.lease {
	case uint8(j + 1):
		r.lease++
	case uint8(j + 2):
		r.lease--
	}
}
