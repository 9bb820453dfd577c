package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/tlsconfig"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/redis"
	"github.com/tailrace/tailrace/transform"
)

// tryOpen opens a sink with the client of settings and returns its problem; nil: it is open.
func tryOpen(t *testing.T, s *redis.Settings) *capture.Problem {
	t.Helper()
	built, err := s.Sink("shop", "cache", zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	built.(*redis.Sink).UseSource(&source{})
	w, _, err := built.Open(t.Context(), sink.Lane{
		Name: "main", Origin: capture.Origin{System: 1, Slot: "s"}, OnApplied: func(capture.Position) {}, OnDurable: func(capture.Position) {},
		Failed: func(error) {},
	})
	if err != nil {
		return capture.AsProblem(err)
	}
	t.Cleanup(func() { w.Close() })
	end := capture.Position{LSN: 1050}
	tx := &capture.Tx{LSN: 1000, XID: 7}
	if err := w.Write(t.Context(), []sink.Batch{{End: end, Commit: true, Events: []transform.Event{
		{Change: &capture.Change{Tx: tx, Table: orders}, Type: transform.Invalidate, Key: []byte("order:1"), HasKey: true},
		{Change: &capture.Change{Tx: tx, Table: orders}, Type: transform.Invalidate},
	}}}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	return built.(*redis.Sink).Health().Blocked
}

func settings(url, password string) *redis.Settings {
	s := redis.NewSettings()
	s.URL = config.Secret(url)
	if password != "" {
		s.Password = func() (config.Secret, error) { return config.Secret(password), nil }
	}
	return s
}

func dial(t *testing.T, s *testenv.RedisServer) *goredis.Client {
	c := goredis.NewClient(&goredis.Options{Addr: s.Addr()})
	t.Cleanup(func() { c.Close() })
	return c
}

// The fix of a user without rights is a command, which an administrator runs as it is.
func TestRightsOfTheUser(t *testing.T) {
	server := testenv.Redis(t)
	admin := dial(t, server)
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "cdc", "on", ">pw", "+ping").Err(); err != nil {
		t.Fatal(err)
	}
	url := "redis://cdc@" + server.Addr()
	if p := tryOpen(t, settings(url, "wrong")); p == nil || p.State != "redis_denied" || !p.Halted || !strings.Contains(p.Fix, "user cdc") {
		t.Errorf("with a wrong password: %+v", p)
	}
	p := tryOpen(t, settings(url, "pw"))
	if p == nil || p.State != "redis_denied" || !p.Halted {
		t.Fatalf("without rights: %+v", p)
	}
	var args []any
	for _, word := range strings.Fields(p.Fix) {
		args = append(args, word)
	}
	if err := admin.Do(t.Context(), args...).Err(); err != nil {
		t.Fatalf("%s: %v", p.Fix, err)
	}
	if p := tryOpen(t, settings(url, "pw")); p != nil {
		t.Errorf("after the fix: %v", p)
	}
	if found := settings(url, "pw").Check(t.Context(), "shop", "cache"); len(found) > 0 {
		t.Errorf("check finds %v", found)
	}
}

func TestReplicaIsReadOnly(t *testing.T) {
	master := testenv.Redis(t)
	host, port, _ := strings.Cut(master.Addr(), ":")
	replica := testenv.Redis(t, testenv.Directive("replicaof", host, port))
	url := "redis://" + replica.Addr()
	if p := tryOpen(t, settings(url, "")); p == nil || p.State != "redis_readonly" || p.Halted {
		t.Errorf("%+v", p)
	}
	if err := dial(t, replica).Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	if p := tryOpen(t, settings(url, "")); p != nil {
		t.Errorf("after the promotion: %v", p)
	}
}

func TestTLS(t *testing.T) {
	server := testenv.Redis(t, testenv.RedisTLS())
	s := settings("rediss://"+server.Addr(), "")
	if p := tryOpen(t, s); p == nil || p.State != "redis_unreachable" {
		t.Errorf("without the authority: %+v", p)
	}
	s.TLS = &tlsconfig.Settings{CA: server.CAFile}
	if p := tryOpen(t, s); p != nil {
		t.Error(p)
	}
}

// A Redis without memory stores no values. Keys are invalidated all the same.
func TestFullRedis(t *testing.T) {
	r := newRig(t)
	full := testenv.Redis(t, testenv.Directive("maxmemory-policy", "noeviction"))
	r.client = dial(t, full)
	r.options.Client = func() (*goredis.Client, error) {
		return goredis.NewClient(&goredis.Options{Addr: full.Addr(), MaxRetries: -1}), nil
	}
	r.open()
	r.awaitApplied(r.refresh(6, "order:1", "v1"))
	r.client.Set(t.Context(), "order:2", "v", 0)
	limit := func(bytes string) {
		if err := r.client.ConfigSet(t.Context(), "maxmemory", bytes).Err(); err != nil {
			t.Fatal(err)
		}
	}
	limit("1mb")
	r.awaitApplied(r.refresh(7, "order:1", "v2"))
	r.awaitApplied(r.commit(8, "order:2"))
	if r.has("order:1") || r.has("order:2") {
		t.Error("a full Redis keeps an old value")
	}
	if w := r.sink.Health().Warning; w == nil || w.State != "redis_full" {
		t.Errorf("%+v", r.sink.Health())
	}
	limit("0")
	r.awaitApplied(r.refresh(9, "order:1", "v3"))
	if v := r.client.Get(t.Context(), "order:1").Val(); v != "v3" {
		t.Errorf("after the limit was raised: %q", v)
	}
}

// refresh writes a transaction that stores a value and returns its end.
func (r *rig) refresh(xid uint32, key, value string) capture.Position {
	r.Helper()
	r.lsn += 100
	end := capture.Position{LSN: r.lsn + 50}
	r.write(sink.Batch{End: end, Commit: true, Events: []transform.Event{{
		Change: &capture.Change{Tx: &capture.Tx{LSN: r.lsn, XID: xid}, Table: orders}, Type: transform.Refresh,
		Key: []byte(key), HasKey: true, Data: []byte(value), HasData: true,
	}}})
	return end
}

func TestHash(t *testing.T) {
	r := newRig(t)
	r.options.Values = map[string]redis.Value{"order:": {Hash: true, TTL: time.Hour}}
	r.open()
	r.awaitApplied(r.refresh(7, "order:1", `{"id":1,"name":"A \"b\"","gone":null,"paid":true,"lines":[{"n":1}]}`))
	got, err := r.client.HGetAll(t.Context(), "order:1").Result()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"id": "1", "name": `A "b"`, "paid": "true", "lines": `[{"n":1}]`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	r.awaitApplied(r.refresh(8, "order:1", `{"id":2}`))
	if got := r.client.HGetAll(t.Context(), "order:1").Val(); len(got) != 1 {
		t.Errorf("fields of the old value are left: %v", got)
	}
}

func TestRejectedEvents(t *testing.T) {
	for _, c := range []struct{ name, key, value, reason string }{
		{"an empty key", "", "1", "cache_key"},
		{"a key of the protocol", "~:order:1", "1", "cache_key"},
		{"a brace without a tag", "order:}1", "1", "cache_key"},
		{"a value that Redis does not take", "order:1", strings.Repeat("x", 1<<20+1), "value_too_large"},
		{"a hash without fields", "hash:1", "[1]", "cache_value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.options.MaxValue, r.options.Values = 1<<20, map[string]redis.Value{"hash:": {Hash: true}}
			r.open()
			before := r.commit(7, "order:2")
			tx := &capture.Tx{LSN: r.lsn + 100, XID: 8}
			err := r.writer.Write(t.Context(), []sink.Batch{{End: capture.Position{LSN: r.lsn + 150}, Commit: true, Events: []transform.Event{{
				Change: &capture.Change{Tx: tx, Seq: 3, Table: orders}, Type: transform.Refresh, Key: []byte(c.key), HasKey: true, Data: []byte(c.value), HasData: true,
			}}}})
			var rejected *sink.Rejected
			if !errors.As(err, &rejected) || rejected.Reason != c.reason || rejected.Table != "public.orders" || rejected.At.LSN != tx.LSN {
				t.Errorf("%v", err)
			}
			r.awaitApplied(before)
		})
	}
}

// Everything that the worker keeps has a bound at which Write waits, and after which it goes on.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		buffer string
		set    func(*rig)
		end    func(*rig)
	}{
		{"queue", func(r *rig) { r.options.Queue = 4 << 10; r.server.pause() }, func(r *rig) { r.server.resume() }},
		{"unseen", func(r *rig) { r.options.Unseen = 4 << 10; r.source.hide(1 << 20); r.source.hideAll(true) }, func(r *rig) { r.source.hideAll(false) }},
		{"fillers", func(r *rig) { r.options.Fillers, r.options.PlainFillers, r.options.Queue = 4<<10, true, 4<<10 }, func(*rig) {}},
	} {
		t.Run(c.buffer, func(t *testing.T) {
			r := newRig(t)
			r.server = &pausable{t, server}
			r.options.Queue = 4 << 10
			r.options.Journal = 8 << 10
			r.open()
			r.awaitApplied(capture.Position{LSN: 1000})
			c.set(r)
			if c.buffer != "queue" { // the bounds are read when the sink is opened
				r.writer.Close()
				r.open()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			var err error
			var last capture.Position
			for xid := uint32(100); err == nil && xid < 100_000; xid++ {
				r.lsn += 100
				b := sink.Batch{End: capture.Position{LSN: r.lsn + 50}, Commit: true, Events: []transform.Event{{
					Change: &capture.Change{Tx: &capture.Tx{LSN: r.lsn, XID: xid}, Table: orders}, Type: transform.Invalidate,
					Key: fmt.Appendf(nil, "order:%d", xid), HasKey: true,
				}}}
				if err = r.writer.Write(ctx, []sink.Batch{b}); err == nil {
					last = b.End
				}
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Write does not wait: %v", err)
			}
			for _, b := range r.sink.Buffers() {
				if b.Bytes > b.Limit+batchOverrun {
					t.Errorf("%s has %d bytes, its bound is %d", b.Name, b.Bytes, b.Limit)
				}
			}
			c.end(r)
			r.awaitApplied(last)
			for _, b := range r.sink.Buffers() {
				if b.Name == "journal" && b.Bytes > b.Limit {
					t.Errorf("the journal has %d bytes", b.Bytes)
				}
			}
		})
	}
}

// batchOverrun is what one batch of the worker may add to a buffer that is not full yet.
const batchOverrun = 256 * 400

type pausable struct {
	t      *testing.T
	server *testenv.RedisServer
}

func (p *pausable) pause() {
	if err := p.server.Pause(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = p.server.Continue() })
}

func (p *pausable) resume() {
	if err := p.server.Continue(); err != nil {
		p.t.Fatal(err)
	}
}

// A writer ends at once although Redis does not answer.
func TestCloseWhileRedisHangs(t *testing.T) {
	r := newRig(t)
	r.open()
	r.awaitApplied(r.commit(7, "order:1"))
	p := &pausable{t, server}
	p.pause()
	defer p.resume()
	r.commit(8, "order:2")
	time.Sleep(50 * time.Millisecond)
	began := time.Now()
	r.writer.Close()
	if d := time.Since(began); d > time.Second {
		t.Errorf("Close took %s", d)
	}
}

// Keys are invalidated while the source's snapshots cannot be read, and nothing is durable.
func TestSourceCannotBeRead(t *testing.T) {
	r := newRig(t)
	r.options.Hold = 50 * time.Millisecond
	r.open()
	r.await("durable", func() (is bool) { r.set(func() { is = !r.durable.IsZero() }); return is })
	r.source.fail(errors.New("connection refused"))
	end := r.commit(7, "order:1")
	r.awaitApplied(end)
	if s := r.section("order:1"); len(s.XIDs) != 1 {
		t.Errorf("%+v", s)
	}
	r.await("the warning", func() bool { w := r.sink.Health().Warning; return w != nil && w.State == "source_unreachable" })
	time.Sleep(100 * time.Millisecond)
	r.set(func() {
		if r.durable == end {
			t.Error("durable, although it may not be visible")
		}
	})
	r.source.fail(nil)
	r.await("durable", func() (is bool) { r.set(func() { is = r.durable == end }); return is })
}

// A restart after an idle time, in which commits without keys were confirmed, sweeps nothing.
func TestRestartAfterIdleTime(t *testing.T) {
	r := newRig(t)
	r.options.Hold = 10 * time.Millisecond
	r.open()
	r.awaitApplied(r.commit(7, "order:1"))
	idle := capture.Position{LSN: 9000}
	r.write(sink.Batch{End: idle, Commit: true})
	r.await("durable", func() (is bool) { r.set(func() { is = r.durable == idle }); return is })
	r.writer.Close()
	r.client.Set(t.Context(), "order:5", "v", 0)
	next := newSuccessor(r)
	next.lsn = idle.LSN
	next.open()
	next.awaitApplied(next.commit(8, "order:1"))
	if !next.has("order:5") {
		t.Error("it was swept")
	}
}
