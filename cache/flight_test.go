package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/cache/protocol"
)

// A thousand callers of a key share its load, and each has a value of its own.
func TestCallersShareALoad(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	var loads atomic.Int64
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			got, err := cache.Get(t.Context(), c, "k", func(context.Context) (*int, error) {
				time.Sleep(20 * time.Millisecond)
				n := int(loads.Add(1))
				return &n, nil
			})
			if err != nil || *got != 1 {
				t.Errorf("%v, %v", got, err)
				return
			}
			*got = 7
		})
	}
	all.Wait()
	if n := loads.Load(); n != 1 {
		t.Fatalf("%d loads", n)
	}
}

// While Redis is down, callers that come during a load share the next one.
func TestCallersShareLoadsWithoutRedis(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	if err := r.redis.Kill(); err != nil {
		t.Fatal(err)
	}
	var loads, running atomic.Int64
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			v, err := cache.Get(t.Context(), c, "k", func(context.Context) (int64, error) {
				if running.Add(1) > 1 {
					t.Error("two loads of a key at once")
				}
				time.Sleep(50 * time.Millisecond)
				running.Add(-1)
				return loads.Add(1), nil
			})
			if err != nil || v == 0 {
				t.Error(v, err)
			}
		})
	}
	all.Wait()
	if n := loads.Load(); n > 20 {
		t.Fatalf("%d loads for 200 callers", n)
	}
}

// A caller that begins after Invalidate gets nothing that was read before.
func TestNoCallerGetsALoadThatBeganBeforeItsCall(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	loading, release := make(chan struct{}), make(chan struct{})
	first := make(chan string)
	go func() {
		v, _ := cache.Get(t.Context(), c, "k", func(context.Context) (string, error) {
			close(loading)
			<-release
			return "v1", nil
		})
		first <- v
	}()
	<-loading
	if err := c.Invalidate(t.Context(), 5, "k"); err != nil {
		t.Fatal(err)
	}
	second := make(chan string)
	go func() {
		v, _ := cache.Get(t.Context(), c, "k", value("v2"))
		second <- v
	}()
	time.Sleep(50 * time.Millisecond)
	close(release)
	if a, b := <-first, <-second; a != "v1" || b != "v2" {
		t.Fatal(a, b)
	}
}

// Callers do not depend on the one whose load they wait for: its context, its panic.
func TestFollowersOutliveTheLeader(t *testing.T) {
	r := newRig(t)
	if _, err := r.lib.Lease(t.Context(), r.owner.Control, "k", "other", 3*time.Second); err != nil {
		t.Fatal(err)
	}
	for what, leader := range map[string]func(cancel func()) (string, error){
		"context": func(cancel func()) (string, error) { cancel(); return "", context.Canceled },
		"panic":   func(func()) (string, error) { panic("load") },
	} {
		c := r.cache(cache.OnPrimary(nowhere{}), cache.Wait(200*time.Millisecond)) // the leader waits, and the others join
		var all sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		all.Go(func() {
			defer func() { _ = recover() }()
			_, _ = cache.Get(ctx, c, "k", func(context.Context) (string, error) { return leader(cancel) })
		})
		time.Sleep(50 * time.Millisecond)
		for i := range 10 {
			all.Go(func() {
				if v, err := cache.Get(t.Context(), c, "k", value("v")); v != "v" || err != nil {
					t.Error(what, i, v, err)
				}
			})
		}
		all.Wait()
		cancel()
	}
}

func TestErrorsAreSharedAndWaitingEndsWithTheContext(t *testing.T) {
	r := newRig(t)
	if _, err := r.lib.Lease(t.Context(), r.owner.Control, "k", "other", 3*time.Second); err != nil {
		t.Fatal(err)
	}
	c := r.cache(cache.OnPrimary(nowhere{}), cache.Wait(300*time.Millisecond))
	failed := errors.New("failed")
	var all sync.WaitGroup
	var loads atomic.Int64
	for range 10 {
		all.Go(func() {
			_, err := cache.Get(t.Context(), c, "k", func(context.Context) (string, error) { loads.Add(1); return "", failed })
			if !errors.Is(err, failed) {
				t.Error(err)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := cache.Get(ctx, c, "k", func(context.Context) (string, error) { return "", ctx.Err() }); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	all.Wait()
	if n := loads.Load(); n > 2 {
		t.Error(n, "loads")
	}
}

// Readers, writers and invalidations at once: a hit is never older than the last invalidation before the call.
func TestHitsAreNeverOlderThanTheInvalidation(t *testing.T) {
	r := newRig(t)
	c := r.cache(cache.OnPrimary(nowhere{}))
	var committed, invalidated atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				least := invalidated.Load()
				got, err := cache.Get(t.Context(), c, "k", func(context.Context) (int64, error) {
					v := committed.Load()
					time.Sleep(time.Duration(i) * time.Millisecond)
					return v, nil
				})
				if err != nil || got < least {
					t.Errorf("got %d, %v after the invalidation of %d", got, err, least)
					return
				}
			}
		})
	}
	for ctx.Err() == nil {
		n := committed.Add(1)
		r.invalidate("k", protocol.Commit{LSN: protocol.LSN(n)})
		invalidated.Store(n)
		time.Sleep(3 * time.Millisecond)
	}
	all.Wait()
	if t.Failed() {
		fmt.Println(r.events)
	}
}
