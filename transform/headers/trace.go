package headers

import (
	"slices"

	"github.com/tailrace/tailrace/transform"
)

// The headers of the W3C's recommendation Trace Context.
const (
	traceparent = "traceparent"
	tracestate  = "tracestate"
)

// ValidTraceparent reports whether text is a traceparent: version, trace id, parent id and flags, in lower-case hex. A version
// other than 00 may have more after these; version ff, and ids that are all zeros, are not valid.
func ValidTraceparent(text []byte) bool {
	const form = "00-00000000000000000000000000000000-0000000000000000-00"
	if len(text) < len(form) {
		return false
	}
	var trace, parent byte
	for i := range len(form) {
		c := text[i]
		if form[i] == '-' {
			if c != '-' {
				return false
			}
			continue
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
		switch {
		case i >= 3 && i < 35:
			trace |= c ^ '0'
		case i >= 36 && i < 52:
			parent |= c ^ '0'
		}
	}
	if rest := text[len(form):]; len(rest) > 0 && (text[0] == '0' && text[1] == '0' || rest[0] != '-') {
		return false
	}
	return trace != 0 && parent != 0 && (text[0] != 'f' || text[1] != 'f')
}

// withoutOrphan removes a tracestate from headers that have no traceparent.
func withoutOrphan(headers []transform.Header) []transform.Header {
	named := func(name string) func(transform.Header) bool {
		return func(h transform.Header) bool { return h.Name == name }
	}
	if slices.ContainsFunc(headers, named(traceparent)) {
		return headers
	}
	return slices.DeleteFunc(headers, named(tracestate))
}
