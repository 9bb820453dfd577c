package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/redis"
	"github.com/tailrace/tailrace/transform"
)

var server *testenv.RedisServer

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if server, err = testenv.StartRedis(); err != nil {
		println(err.Error())
		return 1
	}
	defer server.Close()
	return m.Run()
}

// source shows every transaction but those that a test hides.
type source struct {
	capture.Source
	mu     sync.Mutex
	hidden []uint64
	all    bool // hidden
	err    error
}

func (s *source) Snapshots() capture.SnapshotReader { return s }
func (s *source) Close()                            {}

func (s *source) ReadSnapshot(context.Context) (capture.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	xmin := uint64(1 << 40)
	if s.all {
		return capture.Snapshot{Xmin: 1, Xmax: 1}, s.err
	}
	for _, xid := range s.hidden {
		xmin = min(xmin, xid)
	}
	return capture.Snapshot{Xmin: xmin, Xmax: 1 << 40, InProgress: append([]uint64(nil), s.hidden...)}, s.err
}

func (s *source) hideAll(all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all, s.hidden = all, nil
}

func (s *source) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *source) hide(xids ...uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden = xids
}

var orders = &capture.Table{Schema: "public", Name: "orders"}

// rig is a sink with an open writer.
type rig struct {
	*testing.T
	client  *goredis.Client
	source  *source
	options redis.Options
	control protocol.Control
	library *protocol.Library
	origin  capture.Origin
	server  *pausable

	sink   *redis.Sink
	writer sink.Writer
	lsn    capture.LSN

	mu               sync.Mutex
	applied, durable capture.Position
	failed           error
}

func newRig(t *testing.T) *rig {
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
	t.Cleanup(func() { client.Close() })
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	r := &rig{
		T: t, client: client, source: &source{}, control: protocol.Control{Source: "shop"}, library: protocol.NewLibrary(client),
		origin: capture.Origin{System: 1, Timeline: 1, Slot: "s"}, lsn: 1000,
	}
	r.options = redis.Options{
		Pipeline: "shop", Hold: time.Minute, Prefixes: []string{"order:"},
		Client: func() (*goredis.Client, error) {
			return goredis.NewClient(&goredis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1}), nil
		},
	}
	return r
}

// open opens the sink with a new writer, as the lane does.
func (r *rig) open() {
	r.Helper()
	r.sink = redis.New(r.options, zaptest.NewLogger(r))
	r.sink.UseSource(r.source)
	w, p, err := r.sink.Open(r.Context(), sink.Lane{
		Name: "main", Origin: r.origin, Start: capture.Position{LSN: r.lsn},
		OnApplied: func(p capture.Position) { r.set(func() { r.applied = p }) },
		OnDurable: func(p capture.Position) { r.set(func() { r.durable = p }) },
		Failed:    func(err error) { r.set(func() { r.failed = err }) },
	})
	if err != nil || !p.AcksLate {
		r.Fatal(p, err)
	}
	r.writer = w
	r.Cleanup(func() { w.Close(); r.sink.Close() })
	r.write(sink.Batch{End: capture.Position{LSN: r.lsn}, Commit: true})
}

func (r *rig) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *rig) write(b sink.Batch) {
	r.Helper()
	if err := r.writer.Write(r.Context(), []sink.Batch{b}); err != nil {
		r.Fatal(err)
	}
}

// commit writes a transaction that invalidates keys and returns its end.
func (r *rig) commit(xid uint32, keys ...string) capture.Position {
	r.Helper()
	r.lsn += 100
	tx := &capture.Tx{LSN: r.lsn, XID: xid, Time: time.Now()}
	b := sink.Batch{End: capture.Position{LSN: r.lsn + 50}, Commit: true}
	for i, k := range keys {
		b.Events = append(b.Events, transform.Event{
			Change: &capture.Change{Tx: tx, Seq: uint64(i), Table: orders}, Type: transform.Invalidate, Key: []byte(k), HasKey: true,
		})
	}
	r.write(b)
	return b.End
}

func (r *rig) await(what string, f func() bool) {
	r.Helper()
	for began := time.Now(); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			r.Fatalf("%s: not in time; applied %s, durable %s, failed %v, health %+v", what, r.applied, r.durable, r.failed, r.sink.Health())
		}
	}
}

func (r *rig) awaitApplied(p capture.Position) {
	r.Helper()
	r.await("apply", func() (is bool) {
		r.set(func() { is = !r.applied.Before(p) })
		return is
	})
}

// fill stores a value as a service does.
func (r *rig) fill(k string) bool {
	r.Helper()
	token := fmt.Sprintf("%s-%d", k, time.Now().UnixNano())
	if _, err := r.library.Lease(r.Context(), r.control, k, token, 3*time.Second); err != nil {
		r.Fatal(err)
	}
	ok, err := r.library.Fill(r.Context(), r.control, k, token, protocol.FillValue, "v", time.Hour)
	if err != nil {
		r.Fatal(err)
	}
	return ok
}

func (r *rig) has(k string) bool { return r.client.Exists(r.Context(), k).Val() == 1 }

// section returns the tombstone of a key whose value is missing.
func (r *rig) section(k string) protocol.Section {
	r.Helper()
	token := fmt.Sprintf("%s-%d", k, time.Now().UnixNano())
	l, err := r.library.Lease(r.Context(), r.control, k, token, 3*time.Second)
	if err != nil || l.Outcome != protocol.Granted {
		r.Fatalf("%s: %+v, %v", k, l, err)
	}
	if _, err := r.library.Fill(r.Context(), r.control, k, token, protocol.FillNone, "", 0); err != nil {
		r.Fatal(err)
	}
	return l.Key
}

func TestCommitInvalidatesItsKeys(t *testing.T) {
	r := newRig(t)
	r.open()
	r.awaitApplied(capture.Position{LSN: 1000})
	if !r.fill("order:1") || !r.fill("order:2") {
		t.Fatal("no fill")
	}
	end := r.commit(7, "order:1", "order:1")
	r.awaitApplied(end)
	if r.has("order:1") || !r.has("order:2") {
		t.Error("the wrong key is invalidated")
	}
	if s := r.section("order:1"); s.LSN != protocol.LSN(end.LSN) || len(s.XIDs) != 0 {
		t.Errorf("%+v", s)
	}
	if !r.durable.Before(end) {
		t.Errorf("durable before hold: %s", r.durable)
	}
}

func TestUnseenCommitIsListedAndInvalidatedAgain(t *testing.T) {
	r := newRig(t)
	r.open()
	r.source.hide(7)
	end := r.commit(7, "order:1")
	r.awaitApplied(end)
	if s := r.section("order:1"); len(s.XIDs) != 1 || s.XIDs[0] != 7 {
		t.Fatalf("%+v", s)
	}
	if !r.fill("order:1") {
		t.Fatal("no fill") // of a reader that has proven nothing: the second invalidation deletes it
	}
	r.source.hide()
	r.await("the second invalidation", func() bool { return !r.has("order:1") })
	r.await("the settlement", func() bool { return len(r.section("order:1").XIDs) == 0 })
}

func TestDurableWaitsForHoldAndForVisibility(t *testing.T) {
	r := newRig(t)
	r.options.Hold = 300 * time.Millisecond
	r.open()
	r.source.hide(8)
	first := r.commit(7, "order:1")
	began := time.Now()
	r.await("durable", func() (is bool) { r.set(func() { is = r.durable == first }); return is })
	if d := time.Since(began); d < 250*time.Millisecond {
		t.Errorf("durable after %s", d)
	}
	second := r.commit(8, "order:2")
	time.Sleep(600 * time.Millisecond)
	r.set(func() {
		if r.durable != first || r.applied != second {
			t.Errorf("a commit that the source does not show: applied %s, durable %s", r.applied, r.durable)
		}
	})
	r.source.hide()
	r.await("durable", func() (is bool) { r.set(func() { is = r.durable == second }); return is })
}

func TestLostWritesAreRepeated(t *testing.T) {
	r := newRig(t)
	r.open()
	var ends []capture.Position
	for i := range 5 {
		ends = append(ends, r.commit(uint32(10+i), fmt.Sprintf("order:%d", i)))
	}
	r.awaitApplied(ends[4])
	if err := errors.Join(server.Kill(), server.Start()); err != nil { // it comes back empty
		t.Fatal(err)
	}
	if !r.fill("order:2") {
		t.Fatal("no fill")
	}
	end := r.commit(20, "order:9")
	r.awaitApplied(end)
	if r.has("order:2") {
		t.Error("a value from before the repair is still there")
	}
	for i := range 5 {
		if s := r.section(fmt.Sprintf("order:%d", i)); s.LSN != protocol.LSN(ends[i].LSN) {
			t.Errorf("order:%d: %+v", i, s)
		}
	}
}

// An idle cache notices a loss by its heartbeat.
func TestLossIsNoticedWithoutCommits(t *testing.T) {
	r := newRig(t)
	r.open()
	r.awaitApplied(r.commit(7, "order:1"))
	if err := r.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	r.client.Set(t.Context(), "order:5", "stale", 0)
	r.await("the sweep", func() bool { return !r.has("order:5") })
}

func TestSuccessorFencesTheWriter(t *testing.T) {
	r := newRig(t)
	r.open()
	r.awaitApplied(r.commit(7, "order:1"))
	second := newSuccessor(r)
	second.open()
	_ = r.writer.Write(t.Context(), []sink.Batch{{End: capture.Position{LSN: r.lsn + 500}, Commit: true}})
	r.await("the fence", func() (is bool) { r.set(func() { is = errors.Is(r.failed, sink.ErrFenced) }); return is })
}

// newSuccessor returns a second daemon on the same Redis.
func newSuccessor(r *rig) *rig {
	return &rig{
		T: r.T, client: r.client, source: r.source, control: r.control, library: r.library, origin: r.origin, lsn: r.lsn, options: r.options,
	}
}

// A daemon that begins where the last one had already been invalidates again and sweeps nothing; one that begins later sweeps.
func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name  string
		start capture.LSN
		alter func(*capture.Origin)
		swept bool
	}{
		{"earlier", 1000, func(*capture.Origin) {}, false},
		{"after a gap", 5000, func(*capture.Origin) {}, true},
		{"on another timeline", 1000, func(o *capture.Origin) { o.Timeline = 2 }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.open()
			r.awaitApplied(r.commit(7, "order:1"))
			r.writer.Close()
			r.client.Set(t.Context(), "order:5", "v", 0)
			r.client.Set(t.Context(), "other", "v", 0)
			next := newSuccessor(r)
			next.lsn = c.start
			c.alter(&next.origin)
			next.open()
			next.awaitApplied(next.commit(8, "order:1"))
			if next.has("order:5") == c.swept || !next.has("other") {
				t.Errorf("order:5: %v, other: %v", next.has("order:5"), next.has("other"))
			}
		})
	}
}

func TestTruncateSweepsTheKeysOfTheBlocks(t *testing.T) {
	r := newRig(t)
	r.open()
	r.awaitApplied(r.commit(7, "order:1"))
	r.client.Set(t.Context(), "order:5", "v", 0)
	r.client.Set(t.Context(), "other", "v", 0)
	if _, err := r.library.Lease(t.Context(), r.control, "order:6", "token", time.Minute); err != nil {
		t.Fatal(err)
	}
	r.lsn += 100
	tx := &capture.Tx{LSN: r.lsn, XID: 9, Time: time.Now()}
	end := capture.Position{LSN: r.lsn + 50}
	r.write(sink.Batch{End: end, Commit: true, Events: []transform.Event{{Change: &capture.Change{Tx: tx}, Type: transform.Invalidate}}})
	r.awaitApplied(end)
	if r.has("order:5") || !r.has("other") {
		t.Error("the wrong keys are swept")
	}
	if ok, err := r.library.Fill(t.Context(), r.control, "order:6", "token", protocol.FillValue, "v", time.Hour); ok || err != nil {
		t.Error("a lease from before the truncation fills", err)
	}
}
