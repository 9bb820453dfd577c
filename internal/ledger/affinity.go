package ledger

// Affinity is O3: a key of a topic stays on one partition.
type Affinity struct {
	found findings
	homes map[affinityKey]Observation
}

type affinityKey struct{ topic, key string }

// NewAffinity returns the oracle.
func NewAffinity() *Affinity { return &Affinity{homes: map[affinityKey]Observation{}} }

// Observe adds the next event.
func (a *Affinity) Observe(o Observation) {
	k := affinityKey{o.Partition.Topic, o.Key}
	home, ok := a.homes[k]
	if !ok {
		o.Payload, o.Row, o.Old = nil, nil, nil
		a.homes[k] = o
		return
	}
	if home.Partition != o.Partition {
		a.found.add("O3 affinity: %s was on partition %d first, then: %s", o.Subject(), home.Partition.ID, o)
	}
}

// Done returns the findings.
func (a *Affinity) Done() []error { return a.found.all() }
