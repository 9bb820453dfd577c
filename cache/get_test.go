package cache_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/cache/protocol"
)

// nowhere is the database of tests whose proofs need no query.
type nowhere struct{}

func (nowhere) IsSession() bool { return false }
func (nowhere) QueryRow(context.Context, string, []any, ...any) error {
	return errors.New("the test has no database")
}

func value(v string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return v, nil }
}

func unused(context.Context) (string, error) { panic("load was called") }

func TestHitCostsOneGet(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}), cache.TTL(time.Hour))
	r.get(c, "k", value("v1"), "v1", "miss filled")
	if _, commands := r.took(); !slices.Equal(commands, []string{"get", "lease", "fill"}) {
		t.Fatal(commands)
	}
	r.stored("k", `"v1"`)
	if ttl := r.rdb.PTTL(t.Context(), "k").Val(); ttl < 53*time.Minute || ttl > 67*time.Minute {
		t.Fatal(ttl)
	}
	r.get(c, "k", unused, "v1", "hit")
	if events, commands := r.took(); !slices.Equal(commands, []string{"get"}) || !slices.Equal(events, []string{"hit k"}) {
		t.Fatal(commands, events)
	}
}

func TestInvalidationDuringLoadKeepsTheValueOut(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	r.get(c, "k", func(context.Context) (string, error) {
		r.invalidate("k", protocol.Commit{LSN: 100}) // after the row was read
		return "v1", nil
	}, "v1", "miss lease_lost")
	r.stored("k", "")
	r.get(c, "k", value("v2"), "v2", "miss filled")
}

func TestLostLeaseStoresNothing(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	r.get(c, "k", func(context.Context) (string, error) {
		return "v1", r.rdb.Del(r.Context(), protocol.Sidecar("k")).Err()
	}, "v1", "miss lease_lost")
	r.stored("k", "")
}

func TestAbsenceIsRememberedUntilTheInsert(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	absent := func(context.Context) (string, error) { return "", cache.ErrNotFound }
	get := func(load func(context.Context) (string, error), outcome cache.Outcome) {
		t.Helper()
		if got, err := cache.GetResult(t.Context(), c, "k", load); !errors.Is(err, cache.ErrNotFound) || got.Outcome != outcome {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	get(absent, cache.Miss)
	r.stored("k", "")
	get(unused, cache.Hit)
	r.tookEvents("miss k", "filled k", "hit k")
	r.invalidate("k", protocol.Commit{LSN: 100}) // the insert
	r.get(c, "k", value("v1"), "v1", "miss filled")

	never := r.cache(cache.OnPrimary(nowhere{}), cache.NegativeTTL(0))
	for range 2 {
		if got, err := cache.GetResult(t.Context(), never, "absent", absent); !errors.Is(err, cache.ErrNotFound) || got.Reason != cache.NotRemembered {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}

func TestErrorOfLoadGivesTheLeaseBack(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	failed := errors.New("failed")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := cache.Get(ctx, c, "k", func(context.Context) (string, error) { cancel(); return "", failed })
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("the panic of load was swallowed")
			}
		}()
		_, _ = cache.Get(t.Context(), c, "k", unused)
	}()
	r.get(c, "k", value("v1"), "v1", "miss filled")
	r.tookEvents("miss k", "refused load_failed k", "miss k", "miss k", "filled k")
}

func TestMissWaitsForAnotherProcess(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}), cache.Wait(2*time.Second))
	if l, err := r.lib.Lease(t.Context(), r.owner.Control, "k", "other", 3*time.Second); err != nil || l.Outcome != protocol.Granted {
		t.Fatal(l, err)
	}
	time.AfterFunc(50*time.Millisecond, func() {
		_, _ = r.lib.Fill(context.Background(), r.owner.Control, "k", "other", protocol.FillValue, `"other's"`, time.Minute)
	})
	r.get(c, "k", unused, "other's", "hit")
}

func TestMissLoadsWithoutStoringWhenTheWaitEnds(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}), cache.Wait(20*time.Millisecond))
	if _, err := r.lib.Lease(t.Context(), r.owner.Control, "k", "other", 3*time.Second); err != nil {
		t.Fatal(err)
	}
	r.get(c, "k", value("v1"), "v1", "miss lease_taken")
	r.stored("k", "")
	r.tookEvents("miss k", "refused lease_taken k")
}

func TestInvalidateDeletesAndRaisesTheTombstone(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	r.get(c, "k", value("v1"), "v1", "miss filled")
	if err := c.Invalidate(t.Context(), 77, "k", "other"); err != nil {
		t.Fatal(err)
	}
	r.stored("k", "")
	if l, err := r.lib.Lease(t.Context(), r.owner.Control, "k", "x", time.Second); err != nil || l.Key.LSN != 77 {
		t.Fatal(l, err)
	}
	if err := errors.Join(c.Invalidate(t.Context(), 77), c.Invalidate(t.Context(), 77, "~:k")); err == nil {
		t.Fatal("a key of the protocol's own was invalidated")
	}
}

func TestUndecodableValueIsLoaded(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	if err := r.rdb.Set(t.Context(), "k", "{", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.get(c, "k", value("v1"), "v1", "bypassed not_decoded")
	many := func(context.Context, []string) (map[string]string, error) { return map[string]string{"k": "v1"}, nil }
	if got, err := cache.GetMany(t.Context(), c, []string{"k"}, many); err != nil || got["k"] != "v1" {
		t.Fatal(got, err)
	}
	r.stored("k", "{")
}

func TestUnencodableValueIsReturned(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	got, err := cache.GetResult(t.Context(), c, "k", func(context.Context) (chan int, error) { return make(chan int), nil })
	if err != nil || got.Value == nil || got.Reason != cache.NotEncoded {
		t.Fatalf("%+v, %v", got, err)
	}
	many, err := cache.GetMany(t.Context(), c, []string{"k"}, func(context.Context, []string) (map[string]chan int, error) {
		return map[string]chan int{"k": make(chan int)}, nil
	})
	if err != nil || many["k"] == nil {
		t.Fatal(many, err)
	}
	r.tookEvents("miss k", "error k", "refused not_encoded k", "miss k", "error k", "refused not_encoded k")
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for what, options := range map[string][]cache.Option{
		"no proof":      nil,
		"no TTL":        {cache.OnPrimary(nowhere{}), cache.TTL(0)},
		"negative wait": {cache.OnPrimary(nowhere{}), cache.Wait(-1)},
		"staleness":     {cache.OnPrimary(nowhere{}), cache.MaxStaleness(time.Second)},
		"stale alone":   {cache.OnPrimary(nowhere{}), cache.StaleOnError(time.Minute)},
		"no codec":      {cache.OnPrimary(nowhere{}), cache.WithCodec(nil)},
		"nil database":  {cache.OnStandby(nil)},
	} {
		if _, err := cache.New(newClient(t), "shop", options...); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := cache.New(newClient(t), "", cache.OnPrimary(nowhere{})); err == nil {
		t.Error("no source: no error")
	}
	if _, err := cache.New(nil, "shop", cache.OnPrimary(nowhere{})); err == nil {
		t.Error("no client: no error")
	}
}
