package ledger

import (
	"fmt"
	"slices"
	"strings"
)

// Oracle judges a history. Observe is called for each event, those of a partition in the order of their offsets; Done
// once, at the end. Its errors name the oracle and the key.
type Oracle interface {
	Observe(Observation)
	Done() []error
}

// Judge shows the history to every oracle and returns what they have found.
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

// most is how many findings an oracle tells: a broken run breaks everywhere.
const most = 12

// findings collects what one oracle has to say.
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

// once tells the first time of an event id from a repeat.
type once map[string]struct{}

func (s once) first(o Observation) bool {
	_, seen := s[o.ID]
	s[o.ID] = struct{}{}
	return !seen
}

// inCommitOrder sorts events as the source made them; the two halves of a change of key stand delete first.
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
