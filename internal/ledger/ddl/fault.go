package ddl

import (
	"fmt"
	"strings"
)

// The classes of faults.
const (
	Silent     = "silent difference"    // no state names it
	WrongFix   = "fix to other rows"    // the fixes were followed, and the tables differ
	Stuck      = "fix leads nowhere"    // the state stays although its fix was followed, or its fix cannot be executed
	FixFailed  = "fix refused"          // a server or tailrace refused a part of the fix
	NoEnd      = "no end"               // neither a state nor the end of the WAL
	DaemonDied = "the daemon has ended" // by itself
	Refused    = "statement refused"    // the source refused a statement: the program is wrong, not the daemon
)

// Fault is what a Stage finds.
type Fault struct {
	Class       string
	Detail      string
	Followed    []State  // whose fixes were followed
	Steps       []string // of those, as they were executed
	Differences []Difference
	Log         string // end of the daemon's
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

// Kind is what has to stay when the program is reduced: the class, and the states on the way.
func (f *Fault) Kind() string {
	kind := f.Class
	for _, s := range f.Followed {
		kind += " " + s.Name
	}
	return kind
}
