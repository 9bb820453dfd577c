package ledger

import "github.com/tailrace/tailrace/internal/ledger/workload"

// Order is O2. First-seen events are in source order, on each partition and for each row. A
// repeat is a contiguous run that ends at the tail: on each partition, let F be the events in the order in which they
// were first seen. At any place the next event is the next one of F, or a new one when F is exhausted, or an
// earlier one of F, from which the same rule holds again. So a repeat may be cut short by another one that starts
// earlier, but no new event comes before the repeat has reached the end of F, and no event is skipped. The history may
// not end within a repeat: a consumer would be left with an old value.
type Order struct {
	found findings
	parts map[Partition]*tail
	rows  map[string]int64 // the newest ver of a row
}

// tail is the position in a partition.
type tail struct {
	first []Observation // F, without payloads
	index map[string]int
	next  int // of F, to come
}

// NewOrder returns the oracle.
func NewOrder() *Order { return &Order{parts: map[Partition]*tail{}, rows: map[string]int64{}} }

// Observe adds the next event.
func (r *Order) Observe(o Observation) {
	t := r.parts[o.Partition]
	if t == nil {
		t = &tail{index: map[string]int{}}
		r.parts[o.Partition] = t
	}
	i, seen := t.index[o.ID]
	if seen && i > t.next || !seen && t.next < len(t.first) {
		r.found.add("O2 order: a repeat leaves out %s between %s and %s", t.first[t.next], t.first[t.next-1], o)
	}
	if seen {
		t.next = i + 1
		return
	}
	r.grows(t, o)
	o.Payload, o.Row, o.Old = nil, nil, nil
	t.index[o.ID] = len(t.first)
	t.first = append(t.first, o)
	t.next = len(t.first)
}

// grows compares a new event with the newest previous one, on its partition and of its row.
func (r *Order) grows(t *tail, o Observation) {
	if n := len(t.first); n > 0 {
		last := t.first[n-1]
		if after(last, o) {
			r.found.add("O2 order: %s was seen after %s", o, last)
		}
	}
	if o.Image.Ver == nil || o.Table == workload.Badge { // a badge's key may pass to another row
		return
	}
	if newest, ok := r.rows[o.Subject()]; ok && *o.Image.Ver <= newest && !o.snapshot() && o.Op != "delete" {
		r.found.add("O2 order: %s was seen after ver %d", o, newest)
	}
	r.rows[o.Subject()] = *o.Image.Ver
}

// after reports whether a comes after b in the source. The rows of a snapshot have no order among themselves.
func after(a, b Observation) bool {
	if a.snapshot() && b.snapshot() {
		return a.LSN > b.LSN
	}
	return a.At().Compare(b.At()) > 0
}

// Done returns the findings.
func (r *Order) Done() []error {
	for p, t := range r.parts {
		if t.next < len(t.first) {
			r.found.add("O2 order: the last repeat on %s ends with %s before %s", p, t.first[t.next-1], t.first[t.next])
		}
	}
	return r.found.all()
}
