package trace

import (
	"encoding/json"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// Step returns a Func that applies next and adds the headers of the transaction's annotations to the events. An event that has a
// traceparent keeps its own trace context. A transaction without annotations costs one comparison.
func Step(next transform.Func) transform.Func {
	var last *capture.Tx
	var headers []transform.Header // of last
	return func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
		tx := e.Change.Tx
		if tx.Annotations == nil {
			return next(dst, e)
		}
		if tx != last {
			last, headers = tx, Headers(tx.Annotations)
		}
		switch {
		case len(headers) == 0 || has(e.Headers):
		case len(e.Headers) == 0:
			e.Headers = headers
		default:
			e.Headers = append(slices.Clip(e.Headers), headers...)
		}
		return next(dst, e)
	}
}

func has(headers []transform.Header) bool {
	return slices.ContainsFunc(headers, func(h transform.Header) bool { return h.Name == Parent })
}

// Headers returns the headers traceparent and tracestate for the annotations of a transaction, a JSON object that may be nil. Without a
// valid traceparent there are none, and without a valid tracestate there is only the first.
func Headers(annotations []byte) []transform.Header {
	var keys map[string]json.RawMessage
	if annotations == nil || json.Unmarshal(annotations, &keys) != nil {
		return nil
	}
	parent, ok := text(keys[Parent])
	if !ok || !Valid(parent) {
		return nil
	}
	headers := []transform.Header{{Name: Parent, Value: parent}}
	if state, ok := text(keys[State]); ok && ValidState(state) {
		headers = append(headers, transform.Header{Name: State, Value: state})
	}
	return slices.Clip(headers)
}

// text returns the text of the string that a JSON value is; false: it is none.
func text(value json.RawMessage) (text []byte, ok bool) {
	var s string
	if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &s) != nil {
		return nil, false
	}
	return []byte(s), true
}
