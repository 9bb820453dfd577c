package cache

import (
	"context"
	"errors"

	"github.com/tailrace/tailrace/cache/protocol"
)

// heldLease is a lease that this process has to end.
type heldLease struct {
	cache      *Cache
	key, token string
	live       bool
}

// giveBack ends the lease without storing anything, if it was not ended before. The context's end does not keep it from that.
func (h *heldLease) giveBack(ctx context.Context) {
	if !h.live {
		return
	}
	h.live = false
	ctx = context.WithoutCancel(ctx)
	if _, err := h.cache.library.Fill(ctx, h.cache.control, h.key, h.token, protocol.FillNone, "", 0); err != nil {
		h.cache.failed(ctx, h.key, err)
	}
}

// finish returns what was loaded, and stores it unless a reason refuses that.
func (h *heldLease) finish(ctx context.Context, raw []byte, loadErr error, reason Reason) answer {
	c, hooks := h.cache, &h.cache.settings.hooks
	a := answer{raw: raw, outcome: Miss, loaded: true, reason: reason, err: loadErr}
	if errors.Is(loadErr, errNotEncoded) {
		hooks.failed(ctx, h.key, loadErr)
		a.err, a.loaded, a.reason = nil, false, NotEncoded
	} else if loadErr != nil && !errors.Is(loadErr, ErrNotFound) {
		a.reason = LoadFailed
	}
	if a.reason == "" {
		a.reason = c.provenAfter(ctx, h.key)
	}
	if a.reason == "" {
		a.reason = h.fill(ctx, &a)
	}
	if a.filled = a.reason == ""; a.filled {
		hooks.filled(ctx, h.key)
	} else {
		hooks.refused(ctx, h.key, a.reason)
	}
	return a
}

// fill stores the answer, and returns why it has not.
func (h *heldLease) fill(ctx context.Context, a *answer) Reason {
	c := h.cache
	kind, ttl := c.fillKind(a.err)
	if kind == protocol.FillNone {
		return NotRemembered // giveBack follows
	}
	h.live = false
	ctx = context.WithoutCancel(ctx)
	stored, err := c.library.Fill(ctx, c.control, h.key, h.token, kind, string(a.raw), ttl)
	switch {
	case err != nil:
		c.failed(ctx, h.key, err)
		return RedisFailed
	case !stored:
		return LeaseLost
	}
	return ""
}
