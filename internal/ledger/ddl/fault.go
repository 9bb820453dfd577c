package ddl

import (
	"fmt"
	"strings"
)

// The classes of faults.
const (
	Silent     = "silent difference"    // no state reports it
	WrongFix   = "fix to other rows"    // the fixes were followed, and the tables still differ
	Stuck      = "fix leads nowhere"    // the state remains although its fix was followed, or its fix cannot be executed
	FixFailed  = "fix refused"          // a server or tailrace rejected a part of the fix
	NoEnd      = "no end"               // neither a state nor the end of the WAL was reached
	DaemonDied = "the daemon has ended" // by itself
	Refused    = "statement refused"    // the source rejected a statement: the program is wrong, not the daemon
)

// Fault is a finding of a Stage.
type Fault struct {
	Class       string
	Detail      string
	Followed    []State  // states whose fixes were followed
	Steps       []string // of those fixes, as executed
	Differences []Difference
	Log         string // end of the daemon's log
}

func (f *Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", f.Class, f.Detail)
	for _, s := range f.Followed {
		fmt.Fprintf(&b, "  followed: %s\n", s)
	}
	for _, s := range f.Steps {
		fmt.Fprintf(&b, "  executed: %s\n", strings.ReplaceAll(s, "\n", "\n    "))
	}
	for _, d := range f.Differences {
		fmt.Fprintf(&b, "  %s\n", d)
	}
	if f.Class == NoEnd || f.Class == DaemonDied {
		fmt.Fprintf(&b, "  the daemon's log ends with\n%s\n", f.Log)
	}
	return b.String()
}

// Kind returns what must stay the same when the program is reduced: the class, and the states before it.
func (f *Fault) Kind() string {
	kind := f.Class
	for _, s := range f.Followed {
		kind += " " + s.Name
	}
	return kind
}
