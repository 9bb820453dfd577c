package transform

import "github.com/tailrace/tailrace/capture"

// FillUnchanged is a Func: where an update did not send a TOASTed value that it left as it was, and the old row carries
// it (REPLICA IDENTITY FULL), the new row gets it from there. The change itself, which other sinks share, stays as it is;
// the event gets one of its own, which is all that is allocated.
func FillUnchanged(dst []Event, e Event) ([]Event, error) {
	if after := filled(e.Change.After, e.Change.Before); after != nil {
		c := *e.Change
		c.After = after
		e.Change = &c
	}
	return append(dst, e), nil
}

// filled is row with the values that only from carries; nil when there is none. A TOASTed value is never null, so a null
// there is not taken for one.
func filled(row, from []capture.Value) []capture.Value {
	var out []capture.Value
	for i := range min(len(row), len(from)) {
		if known(row[i]) || from[i].Kind != capture.Text {
			continue
		}
		if out == nil {
			out = append([]capture.Value(nil), row...)
		}
		out[i] = from[i]
	}
	return out
}

// known says whether v is a value, a null included.
func known(v capture.Value) bool { return v.Kind == capture.Text || v.Kind == capture.Null }
