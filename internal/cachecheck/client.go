package cachecheck

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Client reads keys as a service does.
type Client interface {
	// Read returns the versions that the cache has, -1 where it has none, and fills what is missing. Fills may go on after it has
	// returned. Any goroutine may call it.
	Read(ctx context.Context, ids []int) (cached []int64, err error)
	// Wait waits for the fills that go on.
	Wait()
	// Peek returns a version that the cache has, without filling it.
	Peek(ctx context.Context, id int) (version int64, found bool, err error)
}

// Cache is where a client keeps its values: keys with a prefix of its own, so that clients do not share them.
type Cache struct {
	Redis  *redis.Client
	Prefix string
	TTL    time.Duration
	Delay  func() time.Duration // between a read of the database and its fill; races need slow readers
}

func (c *Cache) key(id int) string { return c.Prefix + strconv.Itoa(id) }

// Peek implements Client.
func (c *Cache) Peek(ctx context.Context, id int) (version int64, found bool, err error) {
	version, err = c.Redis.Get(ctx, c.key(id)).Int64()
	if err == redis.Nil {
		return 0, false, nil
	}
	return version, err == nil, err
}

// read returns what the cache has, and loads what it has not.
func (c *Cache) read(ctx context.Context, ids []int, load func(context.Context, int) error) ([]int64, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = c.key(id)
	}
	found, err := c.Redis.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, err
	}
	versions := make([]int64, len(ids))
	for i, v := range found {
		if versions[i], err = parseVersion(v); err != nil {
			return nil, err
		}
	}
	for i, id := range ids {
		if versions[i] >= 0 {
			continue
		}
		if err := load(ctx, id); err != nil {
			return versions, err
		}
	}
	return versions, nil
}

func parseVersion(v any) (int64, error) {
	text, found := v.(string)
	if !found {
		return -1, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

// fills runs the fills of slow readers beside the reads.
type fills struct{ running sync.WaitGroup }

// after calls fill once the delay is over: at once, or in a goroutine.
func (f *fills) after(delay time.Duration, fill func()) {
	if delay <= 0 {
		fill()
		return
	}
	f.running.Go(func() {
		time.Sleep(delay)
		fill()
	})
}

// Wait implements Client.
func (f *fills) Wait() { f.running.Wait() }
