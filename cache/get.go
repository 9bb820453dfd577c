package cache

import (
	"context"
	"errors"
	"fmt"
)

// Outcome is where a value has come from.
type Outcome uint8

// The outcomes of GetResult.
const (
	Hit      Outcome = iota + 1 // from Redis
	Miss                        // from load, after Redis was asked
	Bypassed                    // from load; Redis was not used
	Stale                       // from Redis although the heartbeat is too old, as load has failed: see StaleOnError
)

func (o Outcome) String() string {
	switch o {
	case Hit:
		return "hit"
	case Miss:
		return "miss"
	case Bypassed:
		return "bypassed"
	case Stale:
		return "stale"
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// Result is a value and where it has come from.
type Result[V any] struct {
	Value   V
	Outcome Outcome
	Filled  bool   // Miss: the value, or its absence, was stored
	Reason  Reason // Miss: why it was not; Bypassed: why Redis was not used
	LoadErr error  // Stale: the error of load
}

// Get returns the value of a key: from Redis, or what load returns. It returns ErrNotFound for a row that is known to be absent, and
// errors of load as they are. Errors of Redis are not returned: Hooks report them. Callers that wait for the same key share one load,
// and each gets a value of its own.
func Get[V any](ctx context.Context, c *Cache, key string, load func(context.Context) (V, error)) (V, error) {
	r, err := GetResult(ctx, c, key, load)
	return r.Value, err
}

// GetResult is like Get, and tells where the value has come from, also when it returns ErrNotFound.
func GetResult[V any](ctx context.Context, c *Cache, key string, load func(context.Context) (V, error)) (Result[V], error) {
	l := loader[V]{codec: c.settings.codec, load: load}
	a := c.read(ctx, key, l.encoded)
	r := Result[V]{Outcome: a.outcome, Filled: a.filled, Reason: a.reason}
	switch {
	case a.err == nil && !l.loaded:
		if err := c.settings.codec.Unmarshal(a.raw, &r.Value); err != nil {
			return undecodable(ctx, c, key, a.outcome, err, load)
		}
	case a.err == nil:
		r.Value = l.value
	case a.outcome == Stale:
		if err := c.settings.codec.Unmarshal(a.raw, &r.Value); err == nil {
			r.LoadErr = a.err
			return r, nil
		}
		return Result[V]{Outcome: Bypassed, Reason: a.reason}, a.err
	}
	return r, a.err
}

// undecodable loads a value because the one that is stored does not decode.
func undecodable[V any](ctx context.Context, c *Cache, key string, o Outcome, err error, load func(context.Context) (V, error)) (Result[V], error) {
	c.settings.hooks.failed(ctx, key, fmt.Errorf("decode %s of key %q: %w", o, key, err))
	c.settings.hooks.bypassed(ctx, key, NotDecoded)
	v, err := load(ctx)
	return Result[V]{Value: v, Outcome: Bypassed, Reason: NotDecoded}, err
}

// loader calls load for one caller, who gets the value as it was loaded. Other callers and Redis get it encoded.
type loader[V any] struct {
	codec  Codec
	load   func(context.Context) (V, error)
	value  V
	loaded bool
}

// errNotEncoded means that there is a value, and nothing to store.
var errNotEncoded = errors.New("the value was not encoded")

func (l *loader[V]) encoded(ctx context.Context) ([]byte, error) {
	v, err := l.load(ctx)
	if err != nil {
		return nil, err
	}
	l.value, l.loaded = v, true
	raw, err := l.codec.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotEncoded, err)
	}
	return raw, nil
}
