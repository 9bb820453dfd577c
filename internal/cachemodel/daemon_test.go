package cachemodel

// bulkState is how far the daemon is with the sweep of a bulk change.
type bulkState uint8

const (
	noBulk bulkState = iota
	due
	scanning
)

// daemon is the daemon, and its slot.
type daemon struct {
	up         bool
	next       uint8 // the commit to apply
	confirmed  uint8 // by the slot
	highest    uint8 // that was ever applied
	reached    uint8 // commits up to it may have been applied before
	unseen     set   // commits that no snapshot has shown
	seen       set   // commits that one has
	kills      uint8
	expected   watermark
	needsSweep bool
	newEpoch   bool // the promotion of the source was noticed
	otherDone  bool // the other worker has applied T2

	bulk                  bulkState
	foundValue, foundLock bool // the scan will visit them: they have existed since it began

	late        uint8 // a command of a killed daemon that is still on its way
	lateExpects watermark
}

// expects reports whether the daemon's commands find the watermark that they expect.
func (m *search) expects(s *state) bool {
	return !m.has(expectsWatermark) || s.redis.watermark == s.daemon.expected
}

// isBehind reports whether the daemon has not yet noticed the promotion of its source.
func (s *state) isBehind() bool { return s.failedOver && !s.daemon.newEpoch }

func (m *search) daemonSteps(s state) {
	d := &s.daemon
	if d.late != 0 {
		m.lateStep(s)
	}
	if !d.up {
		m.restart(s)
		return
	}
	m.killSteps(s)
	if s.isBehind() {
		m.beginEpoch(s)
		return
	}
	if s.redis.watermark != d.expected {
		m.notice(s)
	}
	if d.needsSweep && m.expects(&s) {
		m.sweep(s)
	}
	m.confirm(s)
	if !m.expects(&s) {
		return
	}
	if !d.needsSweep || !m.has(sweepsFirst) {
		m.look(s)
	}
	if d.bulk != noBulk {
		m.bulkSteps(s)
		return
	}
	if !d.needsSweep || !m.has(sweepsFirst) {
		m.apply(s)
	}
	m.beat(s)
}

// apply applies the next commit.
func (m *search) apply(s state) {
	d, i := &s.daemon, s.daemon.next
	if m.workers && !d.otherDone && s.tx[1] >= logged && (i > 2 || !m.has(watermarkIsMinimum)) {
		t := s
		t.daemon.otherDone = true
		m.mark(&t, max(t.redis.watermark.lsn, 2))
		m.add(t, "the other worker applies T2 and writes the watermark %d", t.redis.watermark.lsn)
	}
	if i > m.transactions || s.tx[i-1] == running {
		return
	}
	d.next++
	d.highest = max(d.highest, i)
	switch {
	case !s.tx[i-1].committed():
		d.seen |= one(i)
		m.add(s, "the daemon has nothing for T%d", i)
	case m.workers && i == 2:
		d.seen |= one(i)
		m.add(s, "this worker has nothing for T2")
	case m.otherKey && i == 2:
		d.seen |= one(i)
		m.applied(s, i, "the daemon invalidates another key for T2")
	default:
		m.applyAs(s, i, true)
		if s.tx[i-1] == visible { // a snapshot may have shown it before
			m.applyAs(s, i, false)
		}
	}
}

// applyAs applies commit i, whose xid is listed unless a snapshot has shown it.
func (m *search) applyAs(s state, i uint8, xid bool) {
	if xid && !s.daemon.seen.has(i) {
		s.daemon.unseen |= one(i)
	} else {
		xid = false
		s.daemon.seen |= one(i)
	}
	switch replayed := i <= s.daemon.reached && m.has(replayInvalidates); {
	case m.bulk && i == 1:
		m.applyBulk(s, xid)
	case m.refreshes && replayed:
		if s.redis.version < i {
			m.invalidate(&s, i, xid)
		}
		m.applied(s, i, "the daemon invalidates the key for T%d, which it may have refreshed before", i)
	case m.refreshes:
		t := s
		m.refresh(&t, i, xid, false)
		m.applied(t, i, "the daemon refreshes the key with T%d", i)
		m.refresh(&s, i, xid, true)
		m.applied(s, i, "the daemon refreshes the key: T%d has deleted the row", i)
	default:
		m.invalidate(&s, i, xid)
		m.applied(s, i, "the daemon invalidates the key for T%d (xid listed: %v)", i, xid)
	}
}

// applied writes the watermark and adds the state.
func (m *search) applied(s state, i uint8, label string, args ...any) {
	if !m.has(watermarkEachCommit) && i < m.transactions && s.tx[i].committed() {
		t := s
		m.mark(&t, t.redis.watermark.lsn)
		m.add(t, label+", in a batch that is not complete", args...)
	}
	if m.workers && m.has(expectsWatermark) && !m.has(watermarkIsMinimum) {
		i = max(i, s.redis.watermark.lsn)
	}
	m.mark(&s, i)
	m.add(s, label, args...)
}

// mark replaces the watermark. Every one is different.
func (m *search) mark(s *state, lsn uint8) {
	w := &s.redis.watermark
	switch {
	case w.lsn != lsn:
		*w = watermark{lsn: lsn}
	case !m.workers:
		w.calls++
	}
	s.daemon.expected = *w
}

// look takes a snapshot. What it shows for the first time is invalidated once more, after all that has to be repeated, and settled.
func (m *search) look(s state) {
	d := &s.daemon
	seen := d.unseen & s.onPrimary() & (one(d.next) - 1)
	if seen == 0 {
		return
	}
	d.unseen &^= seen
	d.seen |= seen
	for i := uint8(1); i <= m.transactions && m.has(repeatsInvalidation) && !m.refreshes; i++ {
		if seen.has(i) && (!m.bulk || i > 1) {
			m.invalidate(&s, i, false)
		}
	}
	m.settle(&s, &s.redis.tombstone, seen)
	m.settle(&s, &s.redis.namespace, seen)
	m.add(s, "the daemon sees that %v are visible, and settles them", seen)
}

// confirm is what happens a minute after the application of a commit.
func (m *search) confirm(s state) {
	d := &s.daemon
	c := d.confirmed + 1
	if c >= d.next || m.has(confirmsSeen) && !d.seen.has(c) || m.workers && c == 2 && !d.otherDone || d.bulk != noBulk || d.needsSweep {
		return
	}
	d.confirmed = c
	m.add(s, "the slot is confirmed up to T%d", c)
}

// beat writes the heartbeat. Its floor follows at a distance that is shorter than W.
func (m *search) beat(s state) {
	d, applied := &s.daemon, s.daemon.next-1
	if !m.byLSN() || d.needsSweep && m.has(sweepsFirst) || applied < d.reached {
		return
	}
	if !s.redis.heartbeat {
		t := s
		t.redis.heartbeat = true
		if m.has(restartsFloor) {
			t.redis.floor = applied
		}
		m.add(t, "the daemon writes a heartbeat again, with the floor %d", t.redis.floor)
	} else if s.redis.floor < applied {
		s.redis.floor++
		m.add(s, "the heartbeat's floor moves to %d", s.redis.floor)
	}
}

func (m *search) killSteps(s state) {
	d := &s.daemon
	if d.kills == 0 {
		return
	}
	d.kills--
	d.up, d.unseen, d.bulk = false, 0, noBulk
	m.add(s, "the daemon is killed")
	if i := d.next; m.late && d.late == 0 && i <= m.transactions && s.tx[i-1].committed() {
		d.late, d.lateExpects = i, d.expected
		m.add(s, "and its command for T%d is on its way", i)
	}
}

// lateStep runs a command of a daemon that is dead.
func (m *search) lateStep(s state) {
	i := s.daemon.late
	if m.has(expectsWatermark) && m.has(guardsCommands) && s.redis.watermark != s.daemon.lateExpects {
		return
	}
	s.daemon.late = 0
	s.daemon.highest = max(s.daemon.highest, i)
	if m.refreshes && (s.daemon.up || i > s.daemon.reached || !m.has(replayInvalidates)) {
		m.refresh(&s, i, true, false)
	} else {
		m.invalidate(&s, i, true)
	}
	if !s.daemon.up {
		s.redis.watermark = watermark{lsn: i}
	}
	m.add(s, "the dead daemon's command for T%d arrives", i)
}
