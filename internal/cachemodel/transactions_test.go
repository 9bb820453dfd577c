package cachemodel

// txState is the state of a transaction.
type txState uint8

const (
	running txState = iota
	logged          // its commit is in the log: it is decoded and replayed, and not visible on the primary
	visible
	aborted
	lost // with the primary that failed
)

func (t txState) committed() bool { return t == logged || t == visible }

// onPrimary is what a new snapshot on the primary sees.
func (s *state) onPrimary() (seen set) {
	for i, t := range s.tx {
		if t == visible {
			seen |= one(uint8(i + 1))
		}
	}
	return seen
}

// onStandby is what a new snapshot on the standby, or on the replica, sees.
func (s *state) onStandby() set { return s.upTo(s.replayed) }

// upTo is the commits up to a position in the log: the row's content after the last one.
func (s *state) upTo(lsn uint8) (content set) {
	for i := uint8(1); i <= lsn; i++ {
		if s.tx[i-1].committed() {
			content |= one(i)
		}
	}
	return content
}

// allEnded reports whether every transaction with an xid up to one has ended, so that xmin is beyond it.
func (b *bounds) allEnded(s *state, xid uint8) bool {
	for i := range s.tx[:b.transactions] {
		if s.rank[i] <= xid && (s.tx[i] == running || s.tx[i] == logged) {
			return false
		}
	}
	return true
}

func (m *search) transactionSteps(s state) {
	for i := uint8(1); i <= m.transactions; i++ {
		t := s
		switch s.tx[i-1] {
		case running:
			if !m.mayCommit(&s, i) {
				continue
			}
			t.tx[i-1] = logged
			m.add(t, "T%d commits: it is in the log, and not visible", i)
			if m.aborts {
				t.tx[i-1] = aborted
				m.add(t, "T%d aborts", i)
			}
		case logged:
			t.tx[i-1] = visible
			m.add(t, "T%d becomes visible on the primary", i)
		}
	}
	m.replicaSteps(s)
}

// mayCommit reports whether all earlier transactions have committed: their numbers are the order of commits.
func (m *search) mayCommit(s *state, i uint8) bool {
	for _, t := range s.tx[:i-1] {
		if t == running || m.oneRow && t == logged {
			return false
		}
	}
	return true
}

func (m *search) replicaSteps(s state) {
	if m.lags() && s.replayed < m.transactions && s.tx[s.replayed] != running {
		t := s
		t.replayed++
		m.add(t, "the standby replays T%d", t.replayed)
	}
	if m.failover && !s.failedOver {
		m.promote(s)
	}
}

// promote makes the standby the primary. What it had not replayed is lost.
func (m *search) promote(s state) {
	s.failedOver = true
	var gone set
	for i := uint8(1); i <= m.transactions; i++ {
		switch t := &s.tx[i-1]; {
		case !t.committed():
		case i <= s.replayed:
			*t = visible
		default:
			*t = lost
			gone |= one(i)
		}
	}
	if gone == 0 {
		return
	}
	for s.replayed < m.transactions && s.tx[s.replayed] == lost {
		s.replayed++
	}
	m.add(s, "the standby is promoted; %v are lost with the old primary", gone)
}
