package cache

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
)

// acquire asks for the leases of all keys without a value until each is granted or found, or the longest wait has ended.
func (r *manyReads) acquire(ctx context.Context) {
	var asking []*manyRead
	for _, m := range r.reads {
		if !m.hit {
			m.token = r.cache.tokens.next()
			asking = append(asking, m)
		}
	}
	end := time.Now().Add(r.cache.settings.wait)
	for pause := firstPause; len(asking) > 0; pause = nextPause(pause) {
		if asking = r.lease(ctx, asking); len(asking) == 0 {
			return
		}
		if !sleepUntil(ctx, end, pause) {
			break
		}
	}
	for _, m := range asking {
		m.reason = LeaseTaken
		r.cache.settings.hooks.miss(ctx, m.key)
	}
}

// lease asks for leases in one round trip, and returns the reads whose keys other processes are loading.
func (r *manyReads) lease(ctx context.Context, asking []*manyRead) (waiting []*manyRead) {
	c := r.cache
	answers := c.pipelined(ctx, len(asking), "lease", func(i int) ([]string, []any) {
		return protocol.LeaseArgs(c.control, asking[i].key, asking[i].token, leaseDuration)
	})
	for i, m := range asking {
		l, err := protocol.ParseLease(answers[i])
		if err != nil {
			c.failed(ctx, m.key, err)
			r.bypass(ctx, asking[i:i+1], RedisFailed)
			continue
		}
		switch l.Outcome {
		case protocol.Hit:
			m.raw, m.hit = l.Value, true
		case protocol.Negative:
			m.hit, m.absent = true, true
			c.settings.hooks.hit(ctx, m.key)
		case protocol.Wait:
			waiting = append(waiting, m)
		case protocol.Granted:
			m.lease, m.held = l, true
			c.settings.hooks.miss(ctx, m.key)
		}
	}
	return waiting
}

// pipelined makes n calls of a function in one round trip, and once more where Redis has lost its functions.
func (c *Cache) pipelined(ctx context.Context, n int, function string, args func(i int) ([]string, []any)) []*redis.Cmd {
	send := func() []*redis.Cmd {
		calls, pipe := make([]*redis.Cmd, n), c.rdb.Pipeline()
		for i := range calls {
			keys, args := args(i)
			calls[i] = c.library.Call(ctx, pipe, function, keys, args...)
		}
		_, _ = pipe.Exec(ctx) // each call has its error
		return calls
	}
	calls := send()
	if n > 0 && protocol.Missing(calls[0].Err()) && c.library.Load(ctx) == nil {
		return send()
	}
	return calls
}
