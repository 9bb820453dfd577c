package cachemodel

// kind is where and how a reader reads.
type kind uint8

const (
	primary    kind = iota
	repeatable      // on a primary, proof and data in one snapshot
	standby
	replica // one of ours: the proof and the data may share a snapshot
)

func (k kind) String() string {
	return [...]string{"primary", "primary, REPEATABLE READ", "standby", "replica"}[k]
}

func (k kind) byLSN() bool { return k == standby || k == replica }

// place is how far a reader has come.
type place uint8

const (
	idle place = iota
	old        // it has a snapshot and no lease
	leased
	shown    // it has a snapshot, and has not proven yet
	proven   //
	answered // it has the value
)

// reader is one reader. What it does not need any more is zero.
type reader struct {
	at       place
	kind     kind
	lsn      uint8
	xids     set
	overflow uint8
	value    set
}

func (r reader) order() uint64 {
	return uint64(r.at)<<40 | uint64(r.kind)<<32 | uint64(r.lsn)<<24 | uint64(r.xids)<<16 | uint64(r.overflow)<<8 | uint64(r.value)
}

func (m *search) readerSteps(s state) {
	for j := range s.readers[:m.readers] {
		r := s.readers[j]
		switch r.at {
		case idle:
			if j > 0 && s.readers[j-1].at == idle {
				continue // the previous one does the same
			}
			for _, k := range m.kinds {
				if k == repeatable && !m.has(snapshotAfterGet) {
					t := s
					t.readers[j] = reader{at: old, kind: k, value: s.onPrimary()}
					m.add(t, "reader %d (%v) takes the snapshot %v", j, k, s.onPrimary())
					continue
				}
				m.lease(s, j, reader{kind: k})
			}
			continue
		case old:
			m.lease(s, j, r)
		case leased:
			m.prove(s, j)
		case shown:
			m.proveLater(s, j)
		case proven:
			m.read(s, j)
		case answered:
			m.fill(s, j)
		}
		m.giveUp(s, j, "gives up")
	}
}

// giveUp ends an attempt: its token is never used again.
func (m *search) giveUp(s state, j int, why string) {
	s.end(j)
	m.add(s, "reader %d %s", j, why)
}

func (s *state) end(j int) {
	for _, r := range []*redis{&s.redis, &s.saved} {
		if r.lease == uint8(j+1) {
			r.lease = orphan
		}
	}
	s.readers[j] = reader{}
}

// lease is a miss: the function lease.
func (m *search) lease(s state, j int, r reader) {
	if s.redis.hasValue || s.redis.lease != 0 || s.redis.negative {
		return
	}
	key, all := s.redis.tombstone, s.redis.namespace
	s.redis.lease, s.redis.generation = uint8(j+1), all.lsn
	r.at = leased
	if r.kind.byLSN() {
		r.lsn = max(key.lsn, all.lsn)
		if m.has(readsFloor) {
			if !s.redis.heartbeat {
				return
			}
			r.lsn = max(r.lsn, s.redis.floor)
		}
	} else {
		r.xids, r.overflow = key.xids|all.xids, max(key.overflow, all.overflow)
	}
	s.readers[j] = r
	m.add(s, "reader %d (%v) gets the lease; to prove: LSN %d, xids %v, overflow %d", j, r.kind, r.lsn, r.xids, r.overflow)
}

// holds reports whether the proof succeeds in a snapshot of the primary, or now on a standby.
func (m *search) holds(s *state, r reader, seen set) bool {
	if r.kind.byLSN() {
		need := r.lsn
		if !m.has(usesEndLSN) && need > 0 {
			need-- // replay up to the start of the record is enough then
		}
		return !m.has(provesLSN) || s.replayed >= need
	}
	return (!m.has(provesVisibility) || r.xids&^seen == 0) &&
		(!m.has(provesOverflow) || r.overflow == 0 || m.allEnded(s, r.overflow))
}

func (m *search) prove(s state, j int) {
	r := s.readers[j]
	t := s
	switch {
	case r.kind == standby && !m.has(newSnapshot), r.kind == primary && !m.has(proofBeforeData):
		t.readers[j].at = shown
		t.readers[j].value = m.content(&s, r.kind)
		m.add(t, "reader %d takes the data's snapshot %v before the proof", j, t.readers[j].value)
	case r.kind == repeatable && !m.has(snapshotAfterGet):
		if m.holds(&s, r, r.value) {
			t.readers[j] = reader{at: answered, kind: r.kind, value: r.value}
			m.add(t, "reader %d proves and reads in its old snapshot %v", j, r.value)
		}
	case !m.holds(&s, r, s.onPrimary()):
		m.giveUp(s, j, "fails to prove")
	case r.kind == repeatable, r.kind == replica:
		t.readers[j] = reader{at: answered, kind: r.kind, value: m.content(&s, r.kind)}
		m.add(t, "reader %d proves and reads %v in one snapshot", j, t.readers[j].value)
	default:
		t.readers[j] = reader{at: proven, kind: r.kind}
		m.add(t, "reader %d proves", j)
	}
}

// proveLater proves after the data's snapshot was taken.
func (m *search) proveLater(s state, j int) {
	r := s.readers[j]
	if m.holds(&s, r, s.onPrimary()) {
		s.readers[j] = reader{at: answered, kind: r.kind, value: r.value}
		m.add(s, "reader %d proves, and has read %v", j, r.value)
	}
}

func (m *search) content(s *state, k kind) set {
	if k.byLSN() {
		return s.onStandby()
	}
	return s.onPrimary()
}

func (m *search) read(s state, j int) {
	k := s.readers[j].kind
	value := m.content(&s, k)
	s.readers[j] = reader{at: answered, kind: k, value: value}
	m.add(s, "reader %d reads %v", j, value)
	if k == primary && !m.has(skipsOwnWrites) {
		for i := uint8(1); i <= m.transactions; i++ {
			if s.tx[i-1] == running {
				s.readers[j].value = value | one(i)
				m.add(s, "reader %d runs in T%d and reads %v", j, i, s.readers[j].value)
				return
			}
		}
	}
}

// fill is the function fill.
func (m *search) fill(s state, j int) {
	value, r := s.readers[j].value, &s.redis
	if r.lease != uint8(j+1) {
		return
	}
	if m.has(comparesGeneration) && r.generation != r.namespace.lsn {
		return
	}
	r.lease, r.generation = 0, 0
	s.end(j)
	if m.negatives && !value.has(1) {
		r.negative, r.negativeValue = true, value
		m.add(s, "reader %d fills a negative mark with %v", j, value)
		return
	}
	r.hasValue, r.value = true, value
	m.add(s, "reader %d fills %v", j, value)
}
