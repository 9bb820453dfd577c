package ledger

import (
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Ack is an acknowledgement that a recording proxy saw on its way to the source, with the extent of the topics at that time.
type Ack struct {
	Conn  int // number of the connection
	At    time.Time
	Flush capture.LSN // of a status update, or the start of a START_REPLICATION: both release the WAL before it
	Start bool        // it is a START_REPLICATION
	// Marks are the high watermarks, read before the message was passed to the server; a partition that is not in
	// it was empty.
	Marks map[Partition]int64
}

// AckSafety is O8: when an acknowledgement tells Postgres that everything before an LSN is flushed, each change of a
// transaction whose commit record starts before it is in the topics already. On one connection acknowledgements only grow.
type AckSafety struct {
	found findings
	acks  []Ack
	truth []Change
	first map[string]Observation // where a change was first seen, by its id
	seen  map[capture.Position]bool
}

// NewAckSafety returns the oracle. reference lists all changes of the source; with nil, missing changes are not detected.
func NewAckSafety(acks []Ack, reference []Change) *AckSafety {
	return &AckSafety{acks: acks, truth: reference, first: map[string]Observation{}, seen: map[capture.Position]bool{}}
}

// Observe adds the next event.
func (a *AckSafety) Observe(o Observation) {
	if _, ok := a.first[o.ID]; ok {
		return
	}
	o.Payload, o.Row, o.Old = nil, nil, nil
	a.first[o.ID] = o
	a.seen[o.At()] = true
}

// Done compares each acknowledgement with what was durable, and returns the findings.
func (a *AckSafety) Done() []error {
	a.grow()
	events := slices.Collect(maps.Values(a.first))
	inCommitOrder(events)
	acks := slices.Clone(a.acks)
	sort.SliceStable(acks, func(i, j int) bool { return acks[i].Flush < acks[j].Flush })
	last := map[Partition]Observation{} // the highest offset before the current flush
	next := 0
	for _, ack := range acks {
		for ; next < len(events) && events[next].LSN < ack.Flush; next++ {
			o := events[next]
			if had, ok := last[o.Partition]; !ok || o.Offset > had.Offset {
				last[o.Partition] = o
			}
		}
		for p, o := range last {
			if o.Offset >= ack.Marks[p] {
				a.found.add("O8 ack safety: %s was acknowledged by %s on connection %d at %s, when %s held %d records",
					o, ack.Flush, ack.Conn, ack.At.Format(time.StampMilli), p, ack.Marks[p])
			}
		}
	}
	if len(acks) > 0 {
		a.lost(acks[len(acks)-1].Flush)
	}
	return a.found.all()
}

// grow checks that the acknowledgements of each connection only grow.
func (a *AckSafety) grow() {
	last := map[int]capture.LSN{}
	for _, ack := range a.acks {
		if ack.Start {
			continue
		}
		if ack.Flush < last[ack.Conn] {
			a.found.add("O8 ack safety: connection %d goes back from %s to %s", ack.Conn, last[ack.Conn], ack.Flush)
		}
		last[ack.Conn] = ack.Flush
	}
}

// lost looks for changes that were acknowledged and never arrived. The snapshot contains earlier ones.
func (a *AckSafety) lost(flush capture.LSN) {
	var snapshot capture.LSN
	for _, o := range a.first {
		if o.snapshot() {
			snapshot = max(snapshot, o.LSN)
		}
	}
	for _, c := range a.truth {
		if c.LSN < flush && c.LSN > snapshot && !a.seen[c.At()] {
			a.found.add("O8 ack safety: %s was acknowledged by %s and never came", c, flush)
		}
	}
}
