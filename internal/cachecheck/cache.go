package cachecheck

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Cache is where a client keeps its values: keys with a prefix of its own, so that clients do not share them. Key k has the versions
// of rows k*Rows to (k+1)*Rows-1 as a text, "3,17,5".
type Cache struct {
	Redis  *redis.Client
	Prefix string
	Rows   int // of one key
	TTL    time.Duration
	Delay  func() time.Duration // between a read of the database and its fill; races need slow readers
}

// KeyOf implements Client.
func (c *Cache) KeyOf(row int) int { return row / c.Rows }

// RowsOf implements Client.
func (c *Cache) RowsOf(key int) Rows { return Rows{First: key * c.Rows, N: c.Rows} }

// Peek implements Client.
func (c *Cache) Peek(ctx context.Context, key int) ([]int64, error) {
	text, err := c.Redis.Get(ctx, c.name(key)).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return c.decode(text)
}

func (c *Cache) name(key int) string { return c.Prefix + strconv.Itoa(key) }

// read returns what the cache has, and loads what it has not.
func (c *Cache) read(ctx context.Context, keys []int, load func(context.Context, int) error) ([][]int64, error) {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = c.name(key)
	}
	found, err := c.Redis.MGet(ctx, names...).Result()
	if err != nil {
		return nil, err
	}
	cached := make([][]int64, len(keys))
	for i := range keys {
		if text, is := found[i].(string); !is {
			continue
		} else if cached[i], err = c.decode(text); err != nil {
			return nil, err
		}
	}
	for i, key := range keys {
		if cached[i] != nil {
			continue
		}
		if err := load(ctx, key); err != nil {
			return cached, err
		}
	}
	return cached, nil
}

func (c *Cache) decode(text string) (versions []int64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read versions %q: %w", text, err)
		}
		versions = append(versions, n)
	}
	if len(versions) != c.Rows {
		return nil, fmt.Errorf("read versions %q: expected %d", text, c.Rows)
	}
	return versions, nil
}

func encode(versions []int64) string {
	var b []byte
	for i, v := range versions {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, v, 10)
	}
	return string(b)
}
