package ledger

import (
	"maps"
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// Reference is O10: apart from the snapshot, the topics contain what a second slot yields that reads the same
// WAL: for each row the same changes in the same order, each with the same transaction, time and values.
type Reference struct {
	found    findings
	changes  map[capture.Position]Change
	seen     once
	rows     map[string][]moment // from the topics, by Subject
	snapshot capture.LSN
}

// moment is one change of a key.
type moment struct {
	at capture.Position
	op string
}

// NewReference returns the oracle; changes are the result of ReadReference.
func NewReference(changes []Change) *Reference {
	r := &Reference{changes: map[capture.Position]Change{}, seen: once{}, rows: map[string][]moment{}}
	for _, c := range changes {
		r.changes[c.At()] = c
	}
	return r
}

// Observe adds the next event.
func (r *Reference) Observe(o Observation) {
	if !r.seen.first(o) {
		return
	}
	if o.snapshot() {
		r.snapshot = max(r.snapshot, o.LSN)
		return
	}
	r.rows[o.Subject()] = append(r.rows[o.Subject()], moment{o.At(), o.Op})
	if c, ok := r.changes[o.At()]; ok {
		r.same(o, c)
	}
}

// same compares an event with the reference.
func (r *Reference) same(o Observation, c Change) {
	if o.XID != c.XID || !o.Time.Equal(c.Time) {
		r.found.add("O10 reference: %s is of xid %d at %s, the reference says xid %d at %s", o, o.XID, o.Time, c.XID, c.Time)
	}
	if o.Op == "delete" {
		if why := differs(o.Old, nil, c.Old); why != "" {
			r.found.add("O10 reference: old row of %s: %s", o, why)
		}
		return
	}
	if why := differs(o.Row, o.Unchanged, c.Row); why != "" {
		r.found.add("O10 reference: row of %s: %s", o, why)
	}
	if c.Old != nil && c.OldKey == "" {
		if why := differs(o.Old, nil, c.Old); why != "" {
			r.found.add("O10 reference: old row of %s: %s", o, why)
		}
	}
}

// Done compares the rows' changes, and returns the findings.
func (r *Reference) Done() []error {
	want := r.stories()
	for _, subject := range slices.Sorted(maps.Keys(want)) {
		r.compare(subject, want[subject], r.rows[subject])
		delete(r.rows, subject)
	}
	for _, subject := range slices.Sorted(maps.Keys(r.rows)) {
		r.compare(subject, nil, r.rows[subject])
	}
	return r.found.all()
}

// stories returns the reference's changes after the snapshot by row; a change of key belongs to both rows.
func (r *Reference) stories() map[string][]moment {
	order := slices.SortedFunc(maps.Keys(r.changes), capture.Position.Compare)
	want := map[string][]moment{}
	for _, at := range order {
		c := r.changes[at]
		if at.LSN <= r.snapshot {
			continue
		}
		op := c.Op
		if c.OldKey != "" {
			old := c.Table + " " + c.OldKey
			want[old] = append(want[old], moment{at, "delete"})
			op = "insert"
		}
		subject := c.Table + " " + c.Key
		want[subject] = append(want[subject], moment{at, op})
	}
	return want
}

// compare reports the first difference in the changes of a row.
func (r *Reference) compare(subject string, want, have []moment) {
	for i := range max(len(want), len(have)) {
		switch {
		case i >= len(have):
			r.found.add("O10 reference: %s: %s at %s is missing", subject, want[i].op, want[i].at)
		case i >= len(want):
			r.found.add("O10 reference: %s: %s at %s is not in the reference", subject, have[i].op, have[i].at)
		case want[i] != have[i]:
			r.found.add("O10 reference: %s: %s at %s came where the reference has %s at %s",
				subject, have[i].op, have[i].at, want[i].op, want[i].at)
		default:
			continue
		}
		return
	}
}
