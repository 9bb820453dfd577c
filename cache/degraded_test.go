package cache_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/cache/protocol"
)

func TestReadsBypassARedisThatIsDown(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	r.get(c, "k", value("v1"), "v1", "miss filled")
	if err := r.redis.Kill(); err != nil {
		t.Fatal(err)
	}
	r.took()
	r.get(c, "k", value("v2"), "v2", "bypassed redis_failed")
	r.tookEvents("error k", "bypassed redis_failed k")
	for range 3 { // without asking Redis
		r.get(c, "k", value("v2"), "v2", "bypassed redis_failed")
	}
	many, err := cache.GetMany(t.Context(), c, []string{"k"}, func(context.Context, []string) (map[string]string, error) {
		return map[string]string{"k": "v2"}, nil
	})
	if err != nil || many["k"] != "v2" {
		t.Fatal(many, err)
	}
	if events, _ := r.took(); len(events) != 4 {
		t.Fatal(events)
	}
	if err := c.Invalidate(t.Context(), 1, "k"); err == nil {
		t.Fatal("Invalidate has hidden that Redis is down")
	}
	if err := r.redis.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		got, err := cache.GetResult(t.Context(), c, "k", value("v3"))
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%+v, %v", got, err)
		}
		if got.Outcome == cache.Miss && got.Filled { // the functions were loaded again
			break
		}
	}
	r.get(c, "k", unused, "v3", "hit")
}

func TestHeartbeatBoundsTheAgeOfHits(t *testing.T) {
	r := newRig(t)
	fresh := r.cache(cache.OnPrimary(nowhere{}))
	r.get(fresh, "k", value("v1"), "v1", "miss filled")

	bounded := func() *cache.Cache {
		return r.cache(cache.OnPrimary(nowhere{}), cache.MaxStaleness(5*time.Second), cache.StaleOnError(time.Minute))
	}
	c, failed := bounded(), errors.New("failed")
	fail := func(context.Context) (string, error) { return "", failed }
	r.get(c, "k", value("v2"), "v2", "bypassed heartbeat_too_old") // there has never been one
	if _, err := cache.Get(t.Context(), c, "k", fail); !errors.Is(err, failed) {
		t.Fatal(err)
	}

	c = bounded()
	r.beat(1, r.now())
	r.get(c, "k", unused, "v1", "hit")

	c = bounded()
	r.beat(1, r.now().Add(-20*time.Second))
	r.get(c, "k", value("v2"), "v2", "bypassed heartbeat_too_old")
	got, err := cache.GetResult(t.Context(), c, "k", fail)
	if err != nil || got.Value != "v1" || got.Outcome != cache.Stale || !errors.Is(got.LoadErr, failed) {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := r.rdb.Del(t.Context(), "k").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Get(t.Context(), c, "k", fail); !errors.Is(err, failed) { // nothing to serve
		t.Fatal(err)
	}

	c = bounded()
	r.get(fresh, "k", value("v1"), "v1", "miss filled")
	r.beat(1, r.now().Add(-2*time.Minute))
	if _, err := cache.Get(t.Context(), c, "k", fail); !errors.Is(err, failed) { // older than StaleOnError
		t.Fatal(err)
	}
}

func TestHeartbeatAgesWhenTheDaemonStops(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}), cache.MaxStaleness(3*time.Second))
	r.beat(1, r.now())
	r.get(c, "k", value("v1"), "v1", "miss filled")
	if err := r.rdb.Del(t.Context(), r.owner.Control.Base()+":heartbeat").Err(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for got := (cache.Result[string]{}); got.Outcome != cache.Bypassed; time.Sleep(20 * time.Millisecond) {
		var err error
		if got, err = cache.GetResult(t.Context(), c, "k", value("v2")); err != nil {
			t.Fatal(err)
		}
		if age := time.Since(began); got.Outcome == cache.Hit && age > 3200*time.Millisecond {
			t.Fatalf("a hit %v after the heartbeat", age)
		}
	}
	r.beat(1, r.now())
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got, err := cache.GetResult(t.Context(), c, "k", value("v2"))
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%+v, %v", got, err)
		}
		if got.Outcome == cache.Hit {
			return
		}
	}
}

func TestWrongTypeBypassesOnlyItsKey(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	if err := r.rdb.HSet(t.Context(), "h", "a", "b").Err(); err != nil {
		t.Fatal(err)
	}
	r.get(c, "h", value("v1"), "v1", "bypassed redis_failed")
	r.get(c, "k", value("v1"), "v1", "miss filled")
	got, err := cache.GetMany(t.Context(), c, []string{"h", "k"}, func(context.Context, []string) (map[string]string, error) {
		return map[string]string{"h": "v1"}, nil
	})
	if err != nil || got["h"] != "v1" || got["k"] != "v1" {
		t.Fatal(got, err)
	}
}

func TestFailingDatabaseStoresNothing(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	r.invalidate("k", protocol.Commit{LSN: 1, XID: 3})
	r.get(c, "k", value("v1"), "v1", "miss proof_failed") // the database has failed, so nothing is stored
	r.stored("k", "")
}
