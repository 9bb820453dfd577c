package cachemodel

// restart opens the sink from the slot's confirmed position.
func (m *search) restart(s state) {
	d := &s.daemon
	found := s.redis.watermark
	d.up, d.unseen, d.bulk = true, 0, noBulk
	d.newEpoch = s.redis.newEpoch
	d.next = d.confirmed + 1
	d.seen &= set(1<<d.confirmed - 1)
	d.expected, d.reached = found, 0
	if !found.missing() {
		d.reached = found.lsn
	}
	if m.has(guardsCommands) {
		d.late = 0 // the owner is another one
	}
	d.needsSweep = m.has(sweepsLosses) && (found.missing() || found.lsn < d.confirmed)
	if d.needsSweep && m.has(stopsHeartbeat) {
		s.redis.heartbeat = false
	}
	m.add(s, "the daemon starts behind T%d and finds the watermark %v", d.confirmed, found)
}

// notice is what a command finds that expects another watermark. Without that rule, it is a look from time to time.
func (m *search) notice(s state) {
	d, found := &s.daemon, s.redis.watermark
	d.expected = found
	d.reached = max(d.reached, d.next-1)
	if m.has(stopsHeartbeat) {
		s.redis.heartbeat = false
	}
	if !found.missing() && found.lsn >= d.confirmed && s.redis.newEpoch == d.newEpoch { // the journal has everything after it
		d.next = min(d.next, found.lsn+1)
		d.bulk = noBulk
		m.add(s, "the daemon finds the watermark %v: it repeats from T%d", found, d.next)
		return
	}
	d.bulk = noBulk
	d.needsSweep = m.has(sweepsLosses)
	if m.has(replaysAfterSweep) {
		d.next = d.confirmed + 1
	}
	m.add(s, "the daemon finds the watermark %v, which its journal does not reach", found)
}

// sweep deletes values, leases and negative marks.
func (m *search) sweep(s state) {
	d, r := &s.daemon, &s.redis
	d.needsSweep = false
	m.clear(r)
	if d.newEpoch && m.has(dropsOldXIDs) {
		s.dropLost(&r.tombstone)
		s.dropLost(&r.namespace)
	}
	if m.has(marksSweeps) {
		r.watermark.calls++
		d.expected = r.watermark
	}
	m.add(s, "the daemon has swept")
}

// beginEpoch is the first step after the promotion of the source.
func (m *search) beginEpoch(s state) {
	d := &s.daemon
	d.newEpoch, d.reached, d.bulk = true, 0, noBulk
	s.redis.newEpoch = true
	d.next = d.confirmed + 1
	for i, tx := range s.tx {
		if tx == lost {
			d.unseen &^= one(uint8(i + 1))
			d.seen |= one(uint8(i + 1))
		}
	}
	d.needsSweep = m.has(sweepsNewEpoch)
	if m.has(forgetsWatermark) {
		s.redis.watermark = watermark{lsn: noWatermark}
	}
	d.expected = s.redis.watermark
	if m.has(stopsHeartbeat) {
		s.redis.heartbeat = false
	}
	m.add(s, "the daemon begins a new epoch")
}

// applyBulk writes the namespace's section. The commit is complete after the sweep.
func (m *search) applyBulk(s state, xid bool) {
	if m.has(writesSection) {
		m.bury(&s, &s.redis.namespace, 1, xid)
	}
	s.daemon.bulk = due
	if m.has(marksSweeps) {
		m.mark(&s, s.redis.watermark.lsn)
	} else {
		m.mark(&s, 1)
	}
	m.add(s, "the daemon writes the namespace's section for T1 (xid listed: %v)", xid)
}

// bulkSteps scan the key space. SCAN returns for sure what exists from its begin to its end.
func (m *search) bulkSteps(s state) {
	d, r := &s.daemon, &s.redis
	if d.bulk == due {
		d.bulk, d.foundValue, d.foundLock = scanning, r.hasValue, r.hasSidecar()
		m.add(s, "the sweep's scan begins")
		return
	}
	if d.foundValue || d.foundLock {
		m.clear(r)
	}
	d.bulk = noBulk
	s.hasRun(1)
	if m.has(marksSweeps) {
		m.mark(&s, max(1, r.watermark.lsn))
	}
	m.add(s, "the sweep's scan ends")
}

func (r *redis) hasSidecar() bool { return r.tombstone.present || r.lease != 0 || r.negative }

// forgetGone drops from the scan what does not exist any more.
func (s *state) forgetGone() {
	d := &s.daemon
	d.foundValue = d.foundValue && d.bulk == scanning && s.redis.hasValue
	d.foundLock = d.foundLock && d.bulk == scanning && s.redis.hasSidecar()
}
