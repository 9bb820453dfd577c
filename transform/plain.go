package transform

import "github.com/tailrace/tailrace/capture"

// Plain reports whether no block has made the event: it is the change itself.
func (e *Event) Plain() bool { return !e.HasKey && !e.HasData && e.Type == "" }

// DropPlain returns a Func that drops plain changes of tables that admits does not accept, and every message that no block has turned
// into an event. It asks once per shape of a table.
func DropPlain(admits func(schema, table string) bool) Func {
	var last *capture.Table
	var admitted bool
	known := map[*capture.Table]bool{}
	return func(dst []Event, e Event) ([]Event, error) {
		if !e.Plain() {
			return append(dst, e), nil
		}
		if e.Change.Op == capture.Message {
			return dst, nil
		}
		if t := e.Change.Table; t != last {
			ok, asked := known[t]
			if !asked {
				if len(known) >= maxKnown {
					clear(known)
				}
				ok = admits(t.Schema, t.Name)
				known[t] = ok
			}
			last, admitted = t, ok
		}
		if !admitted {
			return dst, nil
		}
		return append(dst, e), nil
	}
}

// maxKnown limits how many shapes of tables a step remembers, so that shapes that are no longer used do not accumulate.
const maxKnown = 20_000
