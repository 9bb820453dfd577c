package cachemodel

import "math/bits"

// section is a tombstone: of the key, or of the namespace.
type section struct {
	present  bool
	lsn      uint8
	xids     set
	overflow uint8 // the largest xid that the list had no place for
}

func (t *section) settled() bool { return t.xids == 0 && t.overflow == 0 }

// watermark is the commit up to which the daemon has applied all, and the number of calls since that did not move it.
type watermark struct{ lsn, calls uint8 }

func (w watermark) missing() bool { return w.lsn == noWatermark }

// redis is a state of Redis: the key, its sidecar and the control keys.
type redis struct {
	hasValue      bool
	value         set
	tombstone     section
	version       uint8
	lease         uint8 // 0, the reader's index plus 1, or orphan
	generation    uint8 // of the namespace when the lease was granted
	negative      bool
	negativeValue set
	namespace     section
	watermark     watermark
	heartbeat     bool
	floor         uint8
	newEpoch      bool // the record is of the promoted source
	ran           set  // invalidations of this history
}

// bury adds a commit to a section. xid is whether it is listed: no snapshot that was taken before has shown it.
func (m *search) bury(s *state, t *section, i uint8, xid bool) {
	t.present = true
	t.lsn = max(t.lsn, i)
	if m.has(dropsOldXIDs) && s.daemon.newEpoch {
		s.dropLost(t)
	}
	if !xid {
		t.xids &^= one(i)
		return
	}
	t.xids |= one(i)
	if m.maxXIDs > 0 && bits.OnesCount8(uint8(t.xids)) > m.maxXIDs {
		smallest := uint8(0)
		for j := uint8(1); j <= m.transactions; j++ {
			if t.xids.has(j) && (smallest == 0 || s.rank[j-1] < s.rank[smallest-1]) {
				smallest = j
			}
		}
		t.xids &^= one(smallest)
		t.overflow = max(t.overflow, s.rank[smallest-1])
	}
}

// dropLost removes the xids of commits that are lost with their epoch.
func (s *state) dropLost(t *section) {
	for i, tx := range s.tx {
		if tx == lost {
			t.xids &^= one(uint8(i + 1))
		}
	}
}

// invalidate is the function invalidate for the key.
func (m *search) invalidate(s *state, i uint8, xid bool) {
	r := &s.redis
	r.hasValue, r.value = false, 0
	if m.has(writesTombstone) {
		m.bury(s, &r.tombstone, i, xid)
	}
	if m.has(revokesLease) {
		r.lease, r.generation = 0, 0
	}
	r.negative, r.negativeValue = false, 0
	s.hasRun(i)
}

func (s *state) hasRun(i uint8) {
	s.redis.ran |= one(i)
	s.ever |= one(i)
}

// refresh is the function refresh, with the row's content or a deletion.
func (m *search) refresh(s *state, i uint8, xid, deletes bool) {
	r := &s.redis
	if r.version >= i {
		return
	}
	kept, buries := r.tombstone, m.has(refreshWritesTomb) && (!deletes || m.has(refreshDeleteBuries))
	m.invalidate(s, i, xid)
	if !buries {
		r.tombstone = kept
	}
	r.version = i
	if !deletes {
		r.hasValue, r.value = true, s.upTo(i)
	}
}

// settle removes xids of commits that a snapshot of now shows, and an overflow below its xmin.
func (m *search) settle(s *state, t *section, seen set) {
	t.xids &^= seen
	if t.overflow != 0 && m.allEnded(s, t.overflow) {
		t.overflow = 0
	}
}

// clear removes the key's values, leases and marks. Tombstones stay.
func (m *search) clear(r *redis) {
	r.hasValue, r.value = false, 0
	if m.has(sweepsLeases) {
		r.lease, r.generation = 0, 0
		r.negative, r.negativeValue = false, 0
	}
}

func (m *search) mayLapse(s *state, t *section) bool {
	if !t.present {
		return false
	}
	watched := s.daemon.up && t.xids&s.daemon.unseen != 0
	if m.has(keepsUnsettled) && !t.settled() && (m.has(outlivesDaemon) || watched) {
		return false
	}
	r := &s.redis
	if t == &r.namespace && m.has(leaseEndsFirst) && r.lease != 0 && r.generation != t.lsn {
		return false
	}
	return !m.byLSN() || !m.has(readsFloor) || !r.heartbeat || r.floor >= t.lsn // the heartbeat comes more often than W
}

func (r *redis) lapse() { r.tombstone, r.version = section{}, 0 }

// redisSteps are what time does to Redis, and losses.
func (m *search) redisSteps(s state) {
	r := &s.redis
	if r.hasValue {
		t := s
		t.redis.hasValue, t.redis.value = false, 0
		m.add(t, "the value expires")
	}
	if r.lease != 0 {
		t := s
		t.redis.lease, t.redis.generation = 0, 0
		if !m.has(lapsesAlone) {
			t.redis.lapse()
		}
		m.add(t, "the lease expires")
	}
	if r.negative {
		t := s
		t.redis.negative, t.redis.negativeValue = false, 0
		if !m.has(lapsesAlone) {
			t.redis.lapse()
		}
		m.add(t, "the negative mark expires")
	}
	if m.mayLapse(&s, &r.tombstone) {
		t := s
		t.redis.lapse()
		m.add(t, "the tombstone lapses")
	}
	if m.mayLapse(&s, &r.namespace) {
		t := s
		t.redis.namespace = section{}
		m.add(t, "the namespace's section lapses")
	}
	if m.evictions && r.hasSidecar() {
		t := s
		t.redis.lapse()
		t.redis.lease, t.redis.generation = 0, 0
		t.redis.negative, t.redis.negativeValue = false, 0
		m.add(t, "the sidecar is evicted")
	}
	if m.byLSN() && r.heartbeat && !m.steadyBeat {
		t := s
		t.redis.heartbeat = false
		m.add(t, "the heartbeat expires")
	}
	m.lossSteps(s)
}

func (m *search) lossSteps(s state) {
	if s.losses == 0 {
		return
	}
	if !s.hasSaved {
		t := s
		t.saved, t.hasSaved = s.redis, true
		m.add(t, "(this is what the replica of Redis has)")
	} else if s.redis != s.saved {
		m.lose(s, s.saved, "Redis fails over to the older state")
	}
	if m.empties {
		m.lose(s, redis{watermark: watermark{lsn: noWatermark}}, "Redis restarts empty")
	}
}

func (m *search) lose(s state, left redis, label string) {
	s.redis, s.hasSaved = left, false
	s.losses--
	if s.daemon.bulk == scanning {
		s.daemon.bulk = due // the connection is lost with the scan
	}
	m.add(s, "%s", label)
}
