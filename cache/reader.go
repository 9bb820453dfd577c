package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
)

// answer is what a read has found, encoded.
type answer struct {
	raw     []byte
	outcome Outcome
	loaded  bool // by load, in this call or in the flight that it has joined
	filled  bool
	reason  Reason
	err     error // of load, or the caller's context; ErrNotFound
}

type loadFunc func(context.Context) ([]byte, error)

// read returns the value of a key.
func (c *Cache) read(ctx context.Context, key string, load loadFunc) answer {
	if err := protocol.CheckKey(key); err != nil {
		return answer{err: err}
	}
	for {
		reason := c.bypassed(ctx)
		if reason == "" {
			var a answer
			if a, reason = c.get(ctx, key); a.outcome == Hit {
				return a
			}
		}
		run := func(begin func()) answer {
			if reason != "" {
				return c.bypass(ctx, key, reason, begin, load)
			}
			return c.miss(ctx, key, begin, load)
		}
		if c.own {
			return run(func() {})
		}
		led, leads := c.flights.join(key)
		if leads {
			return c.flights.lead(ctx, key, led, run)
		}
		if err := led.wait(ctx); err != nil {
			return answer{err: err}
		}
		if led.shared {
			return led.answer
		}
	}
}

// get asks for the plain value. A reason means that Redis cannot be used.
func (c *Cache) get(ctx context.Context, key string) (answer, Reason) {
	raw, err := c.rdb.Get(ctx, key).Bytes()
	switch {
	case err == nil:
		c.breaker.reset()
		c.settings.hooks.hit(ctx, key)
		return answer{raw: raw, outcome: Hit}, ""
	case errors.Is(err, redis.Nil):
		c.breaker.reset()
		return answer{}, ""
	}
	c.failed(ctx, key, err)
	return answer{}, RedisFailed
}

// bypass loads without Redis.
func (c *Cache) bypass(ctx context.Context, key string, reason Reason, begin func(), load loadFunc) answer {
	c.settings.hooks.bypassed(ctx, key, reason)
	begin()
	raw, err := load(ctx)
	a := answer{raw: raw, outcome: Bypassed, loaded: true, reason: reason, err: err}
	if errors.Is(err, errNotEncoded) {
		c.settings.hooks.failed(ctx, key, err)
		a.err, a.loaded = nil, false
	}
	if a.err != nil && !errors.Is(err, ErrNotFound) && reason == HeartbeatTooOld {
		c.serveStale(ctx, key, &a)
	}
	return a
}

// serveStale adds the value that is in Redis to an answer without one, if StaleOnError allows it. It keeps the error.
func (c *Cache) serveStale(ctx context.Context, key string, a *answer) {
	if c.settings.staleOnError == 0 || ctx.Err() != nil {
		return
	}
	raw, err := c.rdb.Get(ctx, key).Bytes()
	age, known := c.heartbeats.age(ctx) // after GET
	if err == nil && known && age <= c.settings.staleOnError {
		a.raw, a.outcome = raw, Stale
	}
}

// miss asks for the lease, and loads.
func (c *Cache) miss(ctx context.Context, key string, begin func(), load loadFunc) answer {
	token := c.tokens.next()
	l, err := c.acquire(ctx, key, token)
	if err != nil {
		c.failed(ctx, key, err)
		return c.bypass(ctx, key, RedisFailed, begin, load)
	}
	switch l.Outcome {
	case protocol.Hit:
		c.settings.hooks.hit(ctx, key)
		return answer{raw: []byte(l.Value), outcome: Hit}
	case protocol.Negative:
		c.settings.hooks.hit(ctx, key)
		return answer{outcome: Hit, err: ErrNotFound}
	}
	c.settings.hooks.miss(ctx, key)
	held := &heldLease{cache: c, key: key, token: token, live: l.Outcome == protocol.Granted}
	defer held.giveBack(ctx)
	reason := LeaseTaken
	if held.live {
		if reason = c.prove(ctx, key, &l); reason != "" {
			held.giveBack(ctx)
		}
	}
	begin()
	raw, err := load(ctx)
	return held.finish(ctx, raw, err, reason)
}

// acquire asks for the lease until it is granted, or the key has a value or a negative mark. After the longest wait it returns Wait.
func (c *Cache) acquire(ctx context.Context, key, token string) (l protocol.Lease, err error) {
	end := time.Now().Add(c.settings.wait)
	for pause := firstPause; ; pause = nextPause(pause) {
		l, err = c.library.Lease(ctx, c.control, key, token, leaseDuration)
		if err != nil || l.Outcome != protocol.Wait || !sleepUntil(ctx, end, min(pause, l.Wait+time.Millisecond)) {
			return l, err
		}
	}
}

const (
	firstPause   = 2 * time.Millisecond
	longestPause = 20 * time.Millisecond
)

// nextPause returns a longer one, up to the longest, give or take a quarter.
func nextPause(pause time.Duration) time.Duration {
	return time.Duration(float64(min(2*pause, longestPause)) * (0.75 + 0.5*rand.Float64()))
}

// sleepUntil sleeps for a pause, or until end; false: end was reached before, or the context has ended.
func sleepUntil(ctx context.Context, end time.Time, pause time.Duration) bool {
	left := time.Until(end)
	if left <= 0 {
		return false
	}
	timer := time.NewTimer(min(pause, left))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// prove returns why what load will return cannot be stored; "": it can.
func (c *Cache) prove(ctx context.Context, key string, l *protocol.Lease) Reason {
	leases := []protocol.Lease{*l}
	var v view
	if c.proof.needsQuery(leases) {
		var refused Reason
		var err error
		if v, refused, err = c.proof.view(ctx); err != nil {
			c.settings.hooks.failed(ctx, key, err)
		}
		if refused != "" {
			return refused
		}
	}
	return v.refuses(l)
}

// provenAfter returns why what load has returned cannot be stored.
func (c *Cache) provenAfter(ctx context.Context, key string) Reason {
	reason, err := c.proof.wrote(ctx)
	if err != nil {
		c.settings.hooks.failed(ctx, key, err)
	}
	return reason
}

// fillKind returns what is stored after a load that has succeeded, or has returned ErrNotFound.
func (c *Cache) fillKind(loadErr error) (protocol.FillKind, time.Duration) {
	switch {
	case loadErr == nil:
		return protocol.FillValue, jitter(c.settings.ttl)
	case c.settings.negativeTTL == 0:
		return protocol.FillNone, 0
	}
	return protocol.FillNegative, jitter(c.settings.negativeTTL)
}
