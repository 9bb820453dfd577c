package ledger

import "crypto/sha256"

// Identity is O4: an event id stands for one payload under one key on one topic, byte by byte, and (table, lsn, seq)
// for one id per row. With exactly-once delivery (and a history read as read_committed), it stands for one
// record.
type Identity struct {
	Once bool // exactly once

	found findings
	ids   map[string]identity
}

type identity struct {
	sum   [sha256.Size]byte
	place Partition
	at    int64
}

// NewIdentity returns the oracle.
func NewIdentity(exactlyOnce bool) *Identity {
	return &Identity{Once: exactlyOnce, ids: map[string]identity{}}
}

// Observe adds the next event.
func (d *Identity) Observe(o Observation) {
	h := sha256.New()
	h.Write([]byte(o.Key + "\x00" + o.Partition.Topic + "\x00"))
	h.Write(o.Payload)
	n := identity{place: o.Partition, at: o.Offset}
	h.Sum(n.sum[:0])
	had, ok := d.ids[o.ID]
	switch {
	case !ok:
		d.ids[o.ID] = n
	case had.sum != n.sum:
		d.found.add("O4 identity: id %s stands for two payloads, first at %s@%d, then: %s", o.ID, had.place, had.at, o)
	case d.Once:
		d.found.add("O4 identity: id %s was delivered twice, first at %s@%d, then: %s", o.ID, had.place, had.at, o)
	}
}

// Done returns the findings.
func (d *Identity) Done() []error { return d.found.all() }
