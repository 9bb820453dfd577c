package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
)

// fill stores what load has returned under the held leases, and gives the others back, in one round trip. It calls encode for what it
// may store.
func (r *manyReads) fill(ctx context.Context, encode func(key string) ([]byte, error)) {
	unproven := r.provenAfter(ctx)
	var fills []fill
	for _, m := range r.reads {
		if m.held {
			fills = append(fills, r.newFill(ctx, m, encode, unproven))
		} else if m.reason == LeaseTaken {
			r.cache.settings.hooks.refused(ctx, m.key, LeaseTaken)
		}
	}
	r.send(ctx, fills)
}

// provenAfter is Cache.provenAfter, if something could be stored.
func (r *manyReads) provenAfter(ctx context.Context) Reason {
	for _, m := range r.reads {
		if m.held && m.reason == "" {
			return r.cache.provenAfter(ctx, m.key)
		}
	}
	return ""
}

// fill is one call of the last round trip.
type fill struct {
	read *manyRead
	kind protocol.FillKind
	raw  []byte
	ttl  time.Duration
}

func (r *manyReads) newFill(ctx context.Context, m *manyRead, encode func(key string) ([]byte, error), unproven Reason) (f fill) {
	f = fill{read: m, kind: protocol.FillNone}
	if m.reason == "" {
		m.reason = unproven
	}
	if m.reason != "" {
		return f
	}
	raw, err := encode(m.key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		m.reason = NotEncoded
		r.cache.settings.hooks.failed(ctx, m.key, fmt.Errorf("%w: %w", errNotEncoded, err))
		return f
	}
	f.raw = raw
	if f.kind, f.ttl = r.cache.fillKind(err); f.kind == protocol.FillNone {
		m.reason = NotRemembered
	}
	return f
}

// send makes the calls, and reports what has become of them.
func (r *manyReads) send(ctx context.Context, fills []fill) {
	c := r.cache
	ctx = context.WithoutCancel(ctx)
	answers := c.pipelined(ctx, len(fills), "fill", func(i int) ([]string, []any) {
		f := &fills[i]
		return protocol.FillArgs(c.control, f.read.key, f.read.token, f.kind, string(f.raw), f.ttl)
	})
	for i, f := range fills {
		m := f.read
		m.held = false
		stored, err := protocol.ParseFill(answers[i])
		switch {
		case err != nil:
			c.failed(ctx, m.key, err)
			m.reason = RedisFailed
		case !stored && m.reason == "":
			m.reason = LeaseLost
		}
		if m.reason == "" {
			c.settings.hooks.filled(ctx, m.key)
		} else {
			c.settings.hooks.refused(ctx, m.key, m.reason)
		}
	}
}

// giveBack ends the leases that are still held: load has failed.
func (r *manyReads) giveBack(ctx context.Context) {
	var fills []fill
	for _, m := range r.reads {
		if m.held {
			m.reason = LoadFailed
			fills = append(fills, fill{read: m, kind: protocol.FillNone})
		}
	}
	r.send(ctx, fills)
}
