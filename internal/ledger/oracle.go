package ledger

import (
	"fmt"
	"slices"
	"strings"
)

// Oracle checks a history. Observe is called for each event, in each partition in the order of their offsets; Done
// once, at the end. Its errors name the oracle and the key.
type Oracle interface {
	Observe(Observation)
	Done() []error
}

// Judge passes the history to every oracle and returns their findings.
func Judge(history []Observation, oracles ...Oracle) []error {
	var errs []error
	for _, o := range oracles {
		for _, e := range history {
			o.Observe(e)
		}
		errs = append(errs, o.Done()...)
	}
	return errs
}

// most is the maximum number of findings per oracle: a broken run breaks everywhere.
const most = 12

// findings collects the findings of one oracle.
type findings struct {
	errs []error
	more int
}

func (f *findings) add(format string, args ...any) {
	if len(f.errs) == most {
		f.more++
		return
	}
	f.errs = append(f.errs, fmt.Errorf(format, args...))
}

func (f *findings) all() []error {
	if f.more > 0 {
		oracle, _, _ := strings.Cut(f.errs[0].Error(), ":")
		return append(f.errs, fmt.Errorf("%s: ... and %d more", oracle, f.more))
	}
	return f.errs
}

// once distinguishes the first occurrence of an event id from a repeat.
type once map[string]struct{}

func (s once) first(o Observation) bool {
	_, seen := s[o.ID]
	s[o.ID] = struct{}{}
	return !seen
}

// inCommitOrder sorts events by their position in the source; of the two halves of a change of key, the delete is first.
func inCommitOrder(events []Observation) {
	slices.SortStableFunc(events, func(a, b Observation) int {
		if c := a.At().Compare(b.At()); c != 0 {
			return c
		}
		return rank(a) - rank(b)
	})
}

func rank(o Observation) int {
	if o.Op == "delete" {
		return 0
	}
	return 1
}
