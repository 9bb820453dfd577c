package ledger

import (
	"maps"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// Expected is O5 for events: every event that a transaction in the source expects is there, with the payload and the trace that the
// transaction has written, and no others are. So there is none of a transaction or a savepoint that was rolled back.
type Expected struct {
	found findings
	truth map[workload.EventKey]workload.Event
	seen  once
	came  map[workload.EventKey]Observation
}

// NewExpected returns the oracle; truth is read from the source at the end.
func NewExpected(truth map[workload.EventKey]workload.Event) *Expected {
	return &Expected{truth: truth, seen: once{}, came: map[workload.EventKey]Observation{}}
}

// Observe adds the next event.
func (e *Expected) Observe(o Observation) {
	if !e.seen.first(o) {
		return
	}
	if o.Image.Ver == nil {
		e.found.add("O5 events: %s has no ver", o)
		return
	}
	k := workload.EventKey{Kind: strings.TrimPrefix(o.Table, workload.TopicOf("")), Key: o.Key, Ver: *o.Image.Ver}
	want, ok := e.truth[k]
	before, twice := e.came[k]
	switch {
	case !ok:
		e.found.add("O5 events: no transaction explains %s", o)
	case twice:
		e.found.add("O5 events: %s is there twice, as %s and as %s: first at %s", o, before.ID, o.ID, before.Place())
	case string(o.Row) != want.Body:
		e.found.add("O5 events: %s is %.200s, the source says %.200s", o, o.Row, want.Body)
	case o.Trace != want.Trace:
		e.found.add("O5 events: %s has the trace %q, the source says %q", o, o.Trace, want.Trace)
	}
	o.Payload, o.Row = nil, nil
	e.came[k] = o
}

// Done returns the findings.
func (e *Expected) Done() []error {
	byKey := func(a, b workload.EventKey) int {
		if c := strings.Compare(a.Kind+" "+a.Key, b.Kind+" "+b.Key); c != 0 {
			return c
		}
		return int(a.Ver - b.Ver)
	}
	for _, k := range slices.SortedFunc(maps.Keys(e.truth), byKey) {
		if _, ok := e.came[k]; !ok {
			e.found.add("O5 events: %s %s ver %d is missing", workload.TopicOf(k.Kind), k.Key, k.Ver)
		}
	}
	return e.found.all()
}
