package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/cache/protocol"
)

func newClient(t *testing.T) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// counted counts the queries of proofs.
type counted struct {
	cache.DB
	n int
}

func (c *counted) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	c.n++
	return c.DB.QueryRow(ctx, query, args, dest...)
}

func TestGetManyCostsThreeRoundTripsAndOneProof(t *testing.T) {
	postgres(t, func(r *rig, d *database) {
		db := &counted{DB: cache.PGX(d.pool)}
		c := r.cache(cache.OnPrimary(db))
		var keys, wantMissing []string
		for i := range 100 {
			keys = append(keys, fmt.Sprintf("k%02d", i))
			if i < 50 {
				if err := r.rdb.Set(t.Context(), keys[i], fmt.Sprintf(`"cached %d"`, i), 0).Err(); err != nil {
					t.Fatal(err)
				}
			} else {
				r.invalidate(keys[i], protocol.Commit{LSN: 1, XID: 3}) // visible, and not settled
				wantMissing = append(wantMissing, keys[i])
			}
		}
		r.invalidate("k99", protocol.Commit{LSN: 1, XID: 1 << 50}) // not visible
		loads := 0
		load := func(_ context.Context, missing []string) (map[string]string, error) {
			if loads++; !slices.Equal(missing, wantMissing) {
				t.Errorf("load was asked for %q", missing)
			}
			if _, commands := r.took(); !slices.Equal(commands, []string{"mget", "50 x lease"}) || db.n != 1 {
				t.Errorf("before load: %q, %d proofs", commands, db.n)
			}
			loaded := map[string]string{}
			for _, k := range missing[1:] { // k50 does not exist
				loaded[k] = "loaded " + k
			}
			return loaded, nil
		}
		got, err := cache.GetMany(t.Context(), c, append(keys, keys...), load)
		if err != nil || len(got) != 99 || got["k07"] != "cached 7" || got["k77"] != "loaded k77" || loads != 1 || db.n != 1 {
			t.Fatal(len(got), err, loads, db.n)
		}
		if events, commands := r.took(); !slices.Equal(commands, []string{"50 x fill"}) || events[len(events)-1] != "refused not_visible k99" {
			t.Fatal(commands, events)
		}
		r.stored("k77", `"loaded k77"`)
		r.stored("k99", "")
		wantMissing, db.n = []string{"k99"}, 0
		got, err = cache.GetMany(t.Context(), c, keys, func(context.Context, []string) (map[string]string, error) {
			return map[string]string{"k99": "again"}, nil
		})
		if err != nil || len(got) != 99 || got["k99"] != "again" || db.n != 1 { // k50 is known to be absent
			t.Fatal(len(got), err, db.n)
		}
	})
}

func TestGetManyStoresNothingAfterAnInvalidation(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	_, err := cache.GetMany(t.Context(), c, []string{"a", "b"}, func(context.Context, []string) (map[string]string, error) {
		r.invalidate("a", protocol.Commit{LSN: 9})
		return map[string]string{"a": "old", "b": "v"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.stored("a", "")
	r.stored("b", `"v"`)
}

func TestGetManyGivesLeasesBackWhenLoadFails(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	failed := errors.New("failed")
	_, err := cache.GetMany(t.Context(), c, []string{"a", "b"}, func(context.Context, []string) (map[string]string, error) { return nil, failed })
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if n := r.rdb.Exists(t.Context(), protocol.Sidecar("a"), protocol.Sidecar("b")).Val(); n != 0 {
		t.Fatal("leases remain")
	}
	if _, err := cache.GetMany(t.Context(), c, []string{"a", ""}, func(context.Context, []string) (map[string]string, error) { return nil, nil }); err == nil {
		t.Fatal("an empty key was accepted")
	}
}

func TestGetManyLoadsWhatOthersAreLoading(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}), cache.Wait(1))
	if _, err := r.lib.Lease(t.Context(), r.owner.Control, "b", "other", 3e9); err != nil {
		t.Fatal(err)
	}
	got, err := cache.GetMany(t.Context(), c, []string{"a", "b"}, func(context.Context, []string) (map[string]string, error) {
		return map[string]string{"a": "1", "b": "2"}, nil
	})
	if err != nil || got["a"] != "1" || got["b"] != "2" {
		t.Fatal(got, err)
	}
	r.stored("a", `"1"`)
	r.stored("b", "")
}

func TestGetManyLoadsTheFunctionsOfARestartedRedis(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	if err := r.rdb.FunctionFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	_, err := cache.GetMany(t.Context(), c, []string{"a"}, func(context.Context, []string) (map[string]string, error) {
		return map[string]string{"a": "1"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.stored("a", `"1"`)
}
