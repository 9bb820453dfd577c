package cache

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/cache/protocol"
)

// GetMany returns the values of many keys, without those that do not exist. Keys that Redis does not have are loaded by one call of
// load, which gets each once and returns those that exist. Redis is asked by one MGET for all keys, one round trip for the leases of
// those that are missing, and one to store them; the database by one proof. Errors are those of load. No load is shared with other
// callers.
func GetMany[V any](ctx context.Context, c *Cache, keys []string, load func(ctx context.Context, missing []string) (map[string]V, error),
) (map[string]V, error) {
	r, err := c.readMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	defer r.giveBack(ctx)
	values := make(map[string]V, len(keys))
	for _, m := range r.reads {
		if m.hit && !m.absent {
			var v V
			if err := c.settings.codec.Unmarshal([]byte(m.raw), &v); err != nil {
				c.settings.hooks.failed(ctx, m.key, fmt.Errorf("decode the value of key %q: %w", m.key, err))
				c.settings.hooks.bypassed(ctx, m.key, NotDecoded)
				m.hit, m.reason = false, NotDecoded
				continue
			}
			c.settings.hooks.hit(ctx, m.key)
			values[m.key] = v
		}
	}
	missing := r.missing()
	if len(missing) == 0 {
		return values, nil
	}
	r.prove(ctx)
	loaded, err := load(ctx, missing)
	if err != nil {
		return nil, err
	}
	for _, k := range missing {
		if v, exists := loaded[k]; exists {
			values[k] = v
		}
	}
	r.fill(ctx, func(key string) ([]byte, error) {
		v, exists := loaded[key]
		if !exists {
			return nil, ErrNotFound
		}
		return c.settings.codec.Marshal(v)
	})
	return values, nil
}

// manyRead is one key of a GetMany.
type manyRead struct {
	key    string
	raw    string
	hit    bool // found in Redis
	absent bool // hit: by a negative mark
	token  string
	lease  protocol.Lease
	held   bool
	reason Reason // why it will not be stored, or "": it may be
}

type manyReads struct {
	cache *Cache
	reads []*manyRead
}

// readMany asks Redis for all keys, and for the leases of those that it does not have.
func (c *Cache) readMany(ctx context.Context, keys []string) (*manyReads, error) {
	r, seen := &manyReads{cache: c}, make(map[string]bool, len(keys))
	for _, k := range keys {
		if err := protocol.CheckKey(k); err != nil {
			return nil, err
		}
		if !seen[k] {
			seen[k] = true
			r.reads = append(r.reads, &manyRead{key: k})
		}
	}
	if len(r.reads) == 0 {
		return r, nil
	}
	if reason := c.bypassed(ctx); reason != "" {
		r.bypass(ctx, r.reads, reason)
		return r, nil
	}
	if err := r.get(ctx); err != nil {
		c.failed(ctx, r.reads[0].key, err)
		r.bypass(ctx, r.reads, RedisFailed)
		return r, nil
	}
	r.acquire(ctx)
	return r, nil
}

// bypass leaves keys to load.
func (r *manyReads) bypass(ctx context.Context, reads []*manyRead, reason Reason) {
	for _, m := range reads {
		m.reason = reason
		r.cache.settings.hooks.bypassed(ctx, m.key, reason)
	}
}

func (r *manyReads) get(ctx context.Context) error {
	keys := make([]string, len(r.reads))
	for i, m := range r.reads {
		keys[i] = m.key
	}
	values, err := r.cache.rdb.MGet(ctx, keys...).Result()
	if err != nil {
		return err
	}
	r.cache.breaker.reset()
	for i, m := range r.reads {
		m.raw, m.hit = values[i].(string)
	}
	return nil
}

// missing returns the keys that load has to load.
func (r *manyReads) missing() (keys []string) {
	for _, m := range r.reads {
		if !m.hit {
			keys = append(keys, m.key)
		}
	}
	return keys
}

// prove finds out which of the held leases allow to store what load will return.
func (r *manyReads) prove(ctx context.Context) {
	var held []*manyRead
	var leases []protocol.Lease
	for _, m := range r.reads {
		if m.held {
			held, leases = append(held, m), append(leases, m.lease)
		}
	}
	if len(held) == 0 {
		return
	}
	var v view
	var refused Reason
	if p := r.cache.proof; p.needsQuery(leases) {
		var err error
		if v, refused, err = p.view(ctx); err != nil {
			r.cache.settings.hooks.failed(ctx, held[0].key, err)
		}
	}
	for _, m := range held {
		if m.reason = refused; refused == "" {
			m.reason = v.refuses(&m.lease)
		}
	}
}
