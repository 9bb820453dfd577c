package cachemodel

// The properties, in the order in which they are checked.
const (
	i1   = "I1"
	i2   = "I2"
	i3   = "I3"
	live = "Live"
)

// violated returns the first property that a state violates; "": none.
func (m *search) violated(s *state) string {
	value, observed := s.redis.value, s.redis.hasValue
	if !observed {
		value, observed = s.redis.negativeValue, s.redis.negative
	}
	committed := s.upTo(m.transactions)
	if m.otherKey {
		committed, value = committed&^one(2), value&^one(2)
	}
	missing := committed &^ value
	switch {
	case observed && !m.evictions && s.redis.ran&missing != 0:
		return i1
	case observed && !m.evictions && m.caughtUp(s) && s.ever&missing != 0:
		return i2
	case !m.drained(s):
	case observed && value != committed:
		return i3
	case !observed && (m.stuck(s, &s.redis.tombstone) || m.stuck(s, &s.redis.namespace)):
		return live
	}
	return ""
}

// caughtUp reports whether the daemon has handled all losses, and has applied everything again.
func (m *search) caughtUp(s *state) bool {
	d := &s.daemon
	return d.up && s.redis.watermark == d.expected && !d.needsSweep && d.bulk == noBulk && d.next > d.highest && !s.isBehind() &&
		(!m.workers || d.otherDone)
}

// drained reports whether nothing happens any more.
func (m *search) drained(s *state) bool {
	for i := range m.transactions {
		if s.tx[i] == running || s.tx[i] == logged {
			return false
		}
	}
	for j := range m.readers {
		if s.readers[j].at != idle {
			return false
		}
	}
	return m.caughtUp(s) && s.daemon.next > m.transactions && s.daemon.unseen&s.upTo(m.transactions) == 0 && s.daemon.late == 0
}

// stuck reports whether a tombstone can neither be proven on a primary nor lapse.
func (m *search) stuck(s *state, t *section) bool {
	return t.present && !m.holds(s, reader{xids: t.xids, overflow: t.overflow}, s.onPrimary()) && !m.mayLapse(s, t)
}
