package cloudevents

import (
	"slices"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/trace"
)

// The attributes of the extension for distributed tracing.
const (
	parentAttribute = "ce_" + trace.Parent
	stateAttribute  = "ce_" + trace.State
)

// appendTrace appends the attributes of the distributed tracing extension for a trace context in the headers that a block has set,
// unless the block has set them too.
func appendTrace(dst, given []transform.Header) []transform.Header {
	parent, state := find(given, trace.Parent), find(given, trace.State)
	if parent == nil || has(given, parentAttribute) || !trace.Valid(parent.Value) {
		return dst
	}
	dst = append(dst, transform.Header{Name: parentAttribute, Value: parent.Value})
	if state != nil && !has(given, stateAttribute) && trace.ValidState(state.Value) {
		dst = append(dst, transform.Header{Name: stateAttribute, Value: state.Value})
	}
	return dst
}

// find returns the header with a name; nil: there is none.
func find(headers []transform.Header, name string) *transform.Header {
	i := slices.IndexFunc(headers, func(h transform.Header) bool { return h.Name == name })
	if i < 0 {
		return nil
	}
	return &headers[i]
}
