package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestCacheExample does what the README of examples/cache walks through.
func TestCacheExample(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	cache := openCacheExample(t)
	cache.exec("INSERT INTO orders VALUES (7, 3, 'new')", "INSERT INTO products VALUES ('mug', 'A mug', 9.50)")
	cache.waits()
	cache.set("order:7", "customer:3:orders", "customer:4:orders")
	cache.exec("UPDATE orders SET customer_id = 4 WHERE id = 7")
	cache.waits()
	cache.want("order:7", "")
	cache.want("customer:3:orders", "")
	cache.want("customer:4:orders", "")
	cache.want("product:mug", `{"sku":"mug","title":"A mug","price":"9.50"}`)

	cache.exec("UPDATE products SET price = 10 WHERE sku = 'mug'")
	cache.waits()
	cache.want("product:mug", `{"sku":"mug","title":"A mug","price":"10.00"}`)
	cache.exec("DELETE FROM products")
	cache.waits()
	cache.want("product:mug", "")

	cache.set("order:8")
	cache.exec("TRUNCATE orders")
	cache.waits()
	cache.want("order:8", "")
	if code := cache.daemon.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &cache.daemon.log)
	}
}

// cacheExample is examples/cache with servers.
type cacheExample struct {
	*testing.T
	postgres *testenv.PostgresServer
	database string
	client   *redis.Client
	daemon   *daemonProcess
}

func openCacheExample(t *testing.T) *cacheExample {
	t.Helper()
	s := &cacheExample{T: t, postgres: testenv.SharedPostgres(t, testenv.Newest)}
	server := testenv.Redis(t)
	s.client = redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { s.client.Close() })
	s.database = testenv.NewDatabase(t, s.postgres)
	s.exec(strings.Split(strings.TrimSpace(read(t, examples+"/cache/orders.sql")), "\n")...)
	address := unusedAddress(t)
	env := []string{"DATABASE_URL=" + s.postgres.URL(s.database), "REDIS_URL=redis://" + server.Addr(), "LISTEN=" + address}
	s.daemon = startDaemon(t, env, address, examples+"/cache/orders.hcl")
	s.waits()
	return s
}

func (s *cacheExample) exec(sql ...string) {
	s.Helper()
	s.postgres.ExecIn(s.T, s.database, sql...)
}

func (s *cacheExample) waits() {
	s.Helper()
	tailrace(s.T, "wait", "-pipeline", "shop", "-url", s.daemon.url).expect(s.T, 0, "every sink holds everything up to", "")
}

func (s *cacheExample) set(keys ...string) {
	s.Helper()
	for _, k := range keys {
		if err := s.client.Set(s.Context(), k, "filled", time.Hour).Err(); err != nil {
			s.Fatal(err)
		}
	}
}

// want compares what a plain GET finds; "" is nothing.
func (s *cacheExample) want(key, want string) {
	s.Helper()
	got, err := s.client.Get(s.Context(), key).Result()
	if got != want || err != nil && !errors.Is(err, redis.Nil) {
		s.Errorf("%s: %q, %v, want %q", key, got, err, want)
	}
}
