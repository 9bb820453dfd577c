package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/internal/testenv"
)

// cached is a database, a Redis and a file with a redis sink.
type cached struct {
	*testing.T
	postgres *testenv.PostgresServer
	database string
	redis    *testenv.RedisServer
	client   *goredis.Client
	env      []string
	file     string
	daemon   *daemonProcess
}

const cachedFile = `
daemon {
  listen = env("LISTEN")
}
pipeline "shop" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.orders", "public.users"]
  }
  sink "redis" "cache" {
    url           = env("REDIS_URL")
    plain_fillers = true
    invalidate "public.orders" {
      keys = ["order:${row.id}", "orders:${row.status}"]
    }
    refresh "public.users" {
      key   = "user:${row.id}"
      value = { id = row.id, name = row.name }
      ttl   = "1h"
    }
  }
}
`

func openCached(t *testing.T, version int, file string) *cached {
	t.Helper()
	if testing.Short() {
		t.Skip("needs servers")
	}
	c := &cached{T: t, postgres: testenv.SharedPostgres(t, version), redis: testenv.Redis(t)}
	c.database = testenv.NewDatabase(t, c.postgres)
	c.exec("CREATE TABLE orders (id int PRIMARY KEY, status text)", "ALTER TABLE orders REPLICA IDENTITY FULL",
		"CREATE TABLE users (id int PRIMARY KEY, name text)", "ALTER TABLE users REPLICA IDENTITY FULL",
		"INSERT INTO orders SELECT n, 'new' FROM generate_series(1, 9) n")
	c.client = goredis.NewClient(&goredis.Options{Addr: c.redis.Addr()})
	t.Cleanup(func() { c.client.Close() })
	address := unusedAddress(t)
	c.env = []string{"DATABASE_URL=" + c.postgres.URL(c.database), "REDIS_URL=redis://" + c.redis.Addr(), "LISTEN=" + address}
	c.file = place(t, "shop.hcl", strings.ReplaceAll(file, `"shop"`, `"`+c.database+`"`)) // the slot's name is the server's
	return c
}

func (c *cached) start() {
	c.Helper()
	_, address, _ := strings.Cut(c.env[2], "=")
	c.daemon = startDaemon(c.T, c.env, address, c.file, "-log-level", "debug")
}

func (c *cached) exec(sql ...string) { c.Helper(); c.postgres.ExecIn(c.T, c.database, sql...) }

// waits waits for the end of the log, which has to be quick whatever hold is.
func (c *cached) waits(limit time.Duration) {
	c.Helper()
	began := time.Now()
	tailrace(c.T, "wait", "-pipeline", c.database, "-url", c.daemon.url).expect(c.T, 0, "every sink holds everything up to", "")
	if d := time.Since(began); d > limit {
		c.Errorf("wait took %s", d)
	}
}

// fill stores values as a plain client does.
func (c *cached) fill(keys ...string) {
	c.Helper()
	for _, k := range keys {
		if err := c.client.Set(c.Context(), k, "old", 0).Err(); err != nil {
			c.Fatal(err)
		}
	}
}

// has checks the value of a key; "": it is missing.
func (c *cached) has(key, want string) {
	c.Helper()
	if got, err := c.client.Get(c.Context(), key).Result(); got != want || err != nil && !errors.Is(err, goredis.Nil) {
		c.Errorf("%s is %q, %v, want %q", key, got, err, want)
	}
}

func (c *cached) until(what string, is func() bool) {
	c.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			c.Fatalf("%s: not in time\n%s", what, &c.daemon.log)
		}
	}
}

func (c *cached) gone(key string) func() bool {
	return func() bool { return c.client.Exists(c.Context(), key).Val() == 0 }
}

func (c *cached) metric(name string) string {
	c.Helper()
	body, err := c.daemon.get("/metrics")
	if err != nil {
		c.Fatal(err)
	}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, name+"{") {
			return line[strings.LastIndex(strings.TrimSpace(line), " ")+1 : len(line)-1]
		}
	}
	return ""
}

func TestCache(t *testing.T) {
	for _, version := range []int{15, 18} {
		t.Run(fmt.Sprint(version), func(t *testing.T) { testCache(t, version) })
	}
}

func testCache(t *testing.T, version int) {
	c := openCached(t, version, cachedFile)
	tailraceWith(t, c.env, "", "check", c.file).expect(t, 0, "ok: 1 pipeline, 1 sink, checked live", "")
	c.start()
	c.waits(5 * time.Second)

	c.fill("order:1", "orders:new", "orders:paid", "orders:sent", "order:2")
	c.exec("UPDATE orders SET status = 'paid' WHERE id = 1")
	c.waits(2 * time.Second)
	for key, want := range map[string]string{"order:1": "", "orders:new": "", "orders:paid": "", "orders:sent": "old", "order:2": "old"} {
		c.has(key, want)
	}
	time.Sleep(100 * time.Millisecond)
	c.fill("order:1") // by a client that had read the old row
	c.until("the deletion after 250 ms", c.gone("order:1"))
	time.Sleep(400 * time.Millisecond)
	c.fill("order:1")
	c.until("the deletion after 2 s", c.gone("order:1"))

	c.exec("INSERT INTO users VALUES (1, 'Ann')", "INSERT INTO users VALUES (2, 'Bob')", "DELETE FROM users WHERE id = 2")
	c.waits(2 * time.Second)
	c.has("user:1", `{"id":1,"name":"Ann"}`)
	c.has("user:2", "")
	if ttl := c.client.TTL(t.Context(), "user:1").Val(); ttl < 59*time.Minute {
		t.Errorf("it lives for %s", ttl)
	}

	c.fill("order:7", "mine:1")
	c.exec("TRUNCATE orders")
	c.waits(2 * time.Second)
	c.has("order:7", "")
	c.has("mine:1", "old")

	if lag := c.metric("tailrace_lag_seconds"); lag != "0" {
		t.Errorf("lag %q", lag)
	}
	if hold := c.metric("tailrace_hold_seconds"); hold == "0" || hold == "" {
		t.Errorf("hold %q", hold)
	}
	if c.metric("tailrace_sink_buffer_bytes") == "" {
		t.Error("the buffers have no metric")
	}
	tailrace(t, "status", "-url", c.daemon.url).expect(t, 0, c.database+"  ", "")
	c.stops()

	tailraceWith(t, c.env, "", "drop", "-yes", "-pipeline", c.database, c.file).expect(t, 0, "key ~t:"+c.database+":watermark in Redis of sink cache", "")
	if keys := c.client.Keys(t.Context(), "~t:*").Val(); len(keys) > 0 {
		t.Errorf("left: %v", keys)
	}
}

// stops ends the daemon, which must not take longer because of hold.
func (c *cached) stops() {
	c.Helper()
	began := time.Now()
	if code := c.daemon.stop(c.T); code != 0 {
		c.Errorf("exit code %d: %s", code, &c.daemon.log)
	}
	if d := time.Since(began); d > 2*time.Second {
		c.Errorf("the end took %s: %s", d, &c.daemon.log)
	}
}

// A restart repeats what the slot still has, and keeps the values that are right.
func TestCacheAcrossRestarts(t *testing.T) {
	c := openCached(t, 18, strings.Replace(cachedFile, "plain_fillers = true", `hold = "200ms"`, 1))
	c.start()
	c.until("the first slot", func() bool {
		body, _ := c.daemon.get("/metrics")
		return strings.Contains(body, `pipeline_state{kind="ok",pipeline="`+c.database+`",state="streaming"}`)
	})
	c.exec("INSERT INTO users VALUES (1, 'Ann')", "UPDATE orders SET status = 'paid' WHERE id = 1")
	c.waits(5 * time.Second)
	c.fill("order:5")
	for name, end := range map[string]func(){
		"SIGTERM": c.stops,
		"kill -9": func() { _ = c.daemon.cmd.Process.Kill(); _ = c.daemon.cmd.Wait() },
	} {
		end()
		c.fill("order:2")
		c.exec("UPDATE orders SET status = status || '!' WHERE id = 2", "UPDATE users SET name = name || '!'")
		c.start()
		c.waits(10 * time.Second)
		c.until(name, c.gone("order:2"))
		c.has("order:5", "old") // it was not swept
		c.exec("UPDATE users SET name = 'after ' || name")
		c.waits(2 * time.Second)
	}
	c.has("user:1", `{"id":1,"name":"after after Ann!!"}`)
	c.stops()
}

// A Redis that is away, from the start or under load, is a state; once it is back all keys are right.
func TestCacheWithoutRedis(t *testing.T) {
	c := openCached(t, 18, cachedFile)
	if err := c.redis.Kill(); err != nil {
		t.Fatal(err)
	}
	c.start()
	shown := func() bool {
		body, _ := c.daemon.get("/metrics")
		return strings.Contains(body, `state="redis_unreachable"`)
	}
	c.until("the state at the start", shown)
	if err := c.redis.Start(); err != nil {
		t.Fatal(err)
	}
	c.waits(30 * time.Second)
	c.exec("INSERT INTO users VALUES (1, 'Ann')")
	c.waits(2 * time.Second)

	if err := c.redis.Kill(); err != nil {
		t.Fatal(err)
	}
	c.exec("INSERT INTO orders SELECT n, repeat('x', 200) FROM generate_series(10, 20000) n", "UPDATE orders SET status = 'paid'", "UPDATE users SET name = 'Eve'")
	c.until("the state under load", shown)
	if err := c.redis.Start(); err != nil { // empty
		t.Fatal(err)
	}
	c.fill("order:1", "order:20000", "user:1")
	c.waits(30 * time.Second)
	for _, key := range []string{"order:1", "order:20000"} {
		c.has(key, "")
	}
	if v := c.client.Get(t.Context(), "user:1").Val(); v != "" && v != `{"id":1,"name":"Eve"}` {
		t.Errorf("user:1 is %q", v)
	}
	c.stops()
}

func TestCacheKeysOfTwoPipelines(t *testing.T) {
	c := openCached(t, 18, cachedFile)
	_, body, _ := strings.Cut(strings.ReplaceAll(cachedFile, `"shop"`, `"`+c.database+`"`), "\npipeline")
	second := "\npipeline" + strings.ReplaceAll(body, c.database, c.database+"_2")
	both := place(t, "both.hcl", read(t, c.file)+second)
	tailraceWith(t, c.env, "", "check", "-offline", both).expect(t, 2, "", `another pipeline has keys that begin with "order:" in this Redis`)

	c.start()
	c.waits(5 * time.Second)
	c.exec("UPDATE orders SET status = 'paid' WHERE id = 1")
	c.waits(2 * time.Second)
	other := unusedAddress(t)
	file := place(t, "second.hcl", strings.ReplaceAll(read(t, c.file), `pipeline "`+c.database, `pipeline "`+c.database+"_2"))
	d := startDaemon(t, append(c.env[:2:2], "LISTEN="+other), other, file)
	c.until("the second pipeline's start", func() bool {
		body, _ := d.get("/metrics")
		return strings.Contains(body, `state="streaming"`)
	})
	c.exec("UPDATE orders SET status = 'sent' WHERE id = 1")
	c.until("the state", func() bool {
		body, _ := d.get("/metrics")
		return strings.Contains(body, `state="cache_key_shared"`)
	})
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
}
