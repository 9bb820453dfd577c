package cache

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
)

// ErrNotFound is what load returns for a row that does not exist. That is cached too, until the row is inserted.
var ErrNotFound = errors.New("not found")

// LSN is a position in the source's WAL.
type LSN = protocol.LSN

// Cache reads through one Redis. Any goroutine may use it. It needs no Close.
type Cache struct {
	rdb        redis.UniversalClient
	library    *protocol.Library
	control    protocol.Control
	settings   settings
	proof      Proof
	own        bool // the proof's session is the caller's: With
	flights    *flights
	breaker    *breaker
	heartbeats *heartbeats
	tokens     *tokens
}

// New returns a cache whose keys a pipeline invalidates; source is the pipeline's name. One of the options is a Proof. It contacts
// no server.
func New(rdb redis.UniversalClient, source string, options ...Option) (*Cache, error) {
	if _, standalone := rdb.(*redis.Client); !standalone {
		return nil, fmt.Errorf("cache: unsupported Redis client %T: use redis.NewClient", rdb)
	}
	if source == "" {
		return nil, errors.New("cache: no source: give the name of the pipeline that invalidates the keys")
	}
	s := defaultSettings()
	for _, o := range options {
		o.apply(&s)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	c := &Cache{
		rdb: rdb, library: protocol.NewLibrary(rdb), control: protocol.Control{Source: source},
		settings: s, proof: s.proof, flights: newFlights(), breaker: &breaker{}, tokens: newTokens(),
	}
	c.heartbeats = &heartbeats{read: c.readHeartbeat}
	return c, nil
}

// With returns a cache for reads inside of the caller's own session or transaction, which the proof names. Every miss is then proven
// there, before and after load, and no load is shared with other callers.
func (c *Cache) With(proof Proof) *Cache {
	d := *c
	d.proof, d.own = proof, true
	d.proof.session = true
	return &d
}

// Invalidate deletes keys after a commit of the caller's, so that it reads its own write before the daemon has seen it. Call it when
// COMMIT has returned, with an LSN that was read after that (CurrentLSN). An error means that readers may find the former values until
// the daemon has invalidated the keys.
func (c *Cache) Invalidate(ctx context.Context, lsn LSN, keys ...string) error {
	for _, k := range keys {
		if err := protocol.CheckKey(k); err != nil {
			return fmt.Errorf("cache: invalidate: %w", err)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if err := c.library.Written(ctx, c.control, lsn, keys...); err != nil {
		return fmt.Errorf("cache: invalidate: %w", err)
	}
	return nil
}

// failed reports an error of Redis. Unless Redis has answered, or the caller has given up, all calls bypass it for a second.
func (c *Cache) failed(ctx context.Context, key string, err error) {
	c.settings.hooks.failed(ctx, key, err)
	var answered redis.Error
	if ctx.Err() == nil && !errors.As(err, &answered) {
		c.breaker.trip()
	}
}

// bypassed returns why a call must not use Redis; "": it may.
func (c *Cache) bypassed(ctx context.Context) Reason {
	if !c.breaker.allow() {
		return RedisFailed
	}
	if c.settings.maxStaleness > 0 {
		if age, known := c.heartbeats.age(ctx); !known || age > c.settings.maxStaleness {
			return HeartbeatTooOld
		}
	}
	return ""
}
