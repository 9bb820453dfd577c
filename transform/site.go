package transform

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tailrace/tailrace/capture"
)

// Site is where a step stands: the pipeline and the sink whose changes it transforms.
type Site struct {
	Pipeline string
	Sink     string // "" for a step of the pipeline that acts before the window
	Rules    *Rules // the counters of the sink's rules
	// Tables are the shapes that the source's tables had at the start: rows may be older. nil: they are not known.
	Tables []*capture.Table
	// NumericAsNumber is set where the format of the sink has numeric values as JSON numbers; otherwise they are strings.
	NumericAsNumber bool
	// Delete has the row of a change deleted from the source once the change is durable in the sink. It copies what it keeps. nil: no
	// step of the sink has said that it deletes rows.
	Delete func(*capture.Change)
}

// Rules are the counters of the rules of one sink, for the metrics. The zero value is ready to use, and any goroutine may use it.
type Rules struct {
	mu   sync.Mutex
	list []*Rule
}

// Rule has the counters of one rule. Changes that a rule has not matched are Seen minus Matched.
type Rule struct {
	Name     string         // as the file has it, such as `event "OrderPaid"`
	Seen     *atomic.Uint64 // changes of the rule's tables; several rules may share the counter
	Matched  atomic.Uint64  // of these, those that gave an event, or passed a filter
	NullKeys atomic.Uint64  // events that had a null key
	reported atomic.Uint64  // the highest number of changes not matched that Counts has returned
	own      atomic.Uint64  // Seen, unless the rule shares it
}

// Counts returns how many changes of its tables the rule has matched and not matched. Neither number ever decreases, although changes
// are counted meanwhile.
func (r *Rule) Counts() (matched, notMatched uint64) {
	matched = r.Matched.Load() // first: a change counts as seen before it counts as matched
	notMatched = r.Seen.Load() - matched
	for {
		last := r.reported.Load()
		if notMatched <= last {
			return matched, last
		}
		if r.reported.CompareAndSwap(last, notMatched) {
			return matched, notMatched
		}
	}
}

// Add adds the counters of a rule. seen may be nil: the rule then has a counter of its own. Rules of the same name, such as those of
// the same filter in a pipeline and in a sink, share their counters.
func (r *Rules) Add(name string, seen *atomic.Uint64) *Rule {
	rule := &Rule{Name: name, Seen: seen}
	if seen == nil {
		rule.Seen = &rule.own
	}
	if r == nil { // nothing collects them
		return rule
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.IndexFunc(r.list, func(o *Rule) bool { return o.Name == name }); i >= 0 {
		return r.list[i]
	}
	r.list = append(r.list, rule)
	return rule
}

// All returns the rules in the order in which they were added. A nil Rules has none.
func (r *Rules) All() []*Rule {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// Count counts an event that the rule has made.
func (r *Rule) Count(e *Event) {
	r.Matched.Add(1)
	if e.HasKey && e.Key == nil {
		r.NullKeys.Add(1)
	}
}
