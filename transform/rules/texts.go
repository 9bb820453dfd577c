package rules

import (
	"fmt"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/headers"
)

// Texts evaluates the expressions of a block whose results are texts of an event. What it returns stays valid, and costs no
// allocation of its own. The zero Texts is ready to use. One goroutine may use it at a time.
type Texts struct {
	arena   transform.Arena
	headers []transform.Header // the rest of its capacity is free
	names   map[string]string  // by their text
	scratch []byte
}

const (
	headerChunk = 256
	maxNames    = 10_000 // that are kept, so that names which are no longer used do not accumulate
)

// Bytes returns the text of x. It is nil when the text is null, or x is.
func (t *Texts) Bytes(x *expr.Text, in *expr.Input) ([]byte, error) {
	if x == nil {
		return nil, nil
	}
	out, null, err := x.Append(t.arena.Buffer(), in)
	if err != nil || null {
		return nil, err
	}
	return t.arena.Keep(out), nil
}

// Name returns the text of x, which many events have in common: a topic, a type. It is "" when the text is null, or x is nil.
func (t *Texts) Name(x *expr.Text, in *expr.Input) (string, error) {
	if x == nil {
		return "", nil
	}
	out, null, err := x.Append(t.scratch[:0], in)
	if err != nil || null {
		return "", err
	}
	t.scratch = out
	name, known := t.names[string(out)]
	if !known {
		if t.names == nil || len(t.names) >= maxNames {
			t.names = map[string]string{}
		}
		name = string(out)
		t.names[name] = name
	}
	return name, nil
}

// JSON returns the JSON of x.
func (t *Texts) JSON(x *expr.Value, in *expr.Input) ([]byte, error) {
	out, err := x.AppendJSON(t.arena.Buffer(), in)
	if err != nil {
		return nil, err
	}
	return t.arena.Keep(out), nil
}

// Keep returns the text that add appends to the memory that it gets.
func (t *Texts) Keep(add func(dst []byte) ([]byte, error)) ([]byte, error) {
	out, err := add(t.arena.Buffer())
	if err != nil {
		return nil, err
	}
	return t.arena.Keep(out), nil
}

// Headers returns the headers of an event; nil when it has none.
func (t *Texts) Headers(h *headers.Compiled, in *expr.Input) ([]transform.Header, error) {
	most := h.Len()
	if most == 0 {
		return nil, nil
	}
	if cap(t.headers)-len(t.headers) < most {
		t.headers = make([]transform.Header, 0, max(headerChunk, most))
	}
	start := len(t.headers)
	list, err := h.Append(t.headers, &t.arena, in)
	if err != nil {
		return nil, fmt.Errorf("evaluate headers: %w", err)
	}
	if t.headers = list; len(list) == start {
		return nil, nil
	}
	return list[start:len(list):len(list)], nil
}
