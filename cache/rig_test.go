package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const epoch = protocol.Epoch("0000000000000001")

// rig is an empty Redis, whose daemon the test plays, and what a cache reports.
type rig struct {
	*testing.T
	redis *testenv.RedisServer
	rdb   *redis.Client
	lib   *protocol.Library
	owner protocol.Owner

	mu       sync.Mutex
	events   []string // of the hooks
	commands []string // of Redis; a pipeline is one
}

func newRig(t *testing.T) *rig {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real Redis")
	}
	server := testenv.Redis(t)
	r := &rig{T: t, redis: server, rdb: redis.NewClient(&redis.Options{Addr: server.Addr()})}
	t.Cleanup(func() { _ = r.rdb.Close() })
	r.lib = protocol.NewLibrary(r.rdb)
	r.owner = protocol.Owner{
		Control: protocol.Control{Source: "shop"}, Token: "one", Deadline: time.Now().Add(time.Hour), Watermark: "",
	}
	if err := errors.Join(r.lib.Load(t.Context()), r.lib.Own(t.Context(), r.rdb, r.owner.Control, "one").Err()); err != nil {
		t.Fatal(err)
	}
	return r
}

// cache returns a cache with a client of its own, whose round trips are counted.
func (r *rig) cache(options ...cache.Option) *cache.Cache {
	r.Helper()
	client := redis.NewClient(&redis.Options{Addr: r.redis.Addr(), MaxRetries: -1, DialerRetries: 1})
	client.AddHook(roundTrips{r})
	r.Cleanup(func() { _ = client.Close() })
	c, err := cache.New(client, "shop", append([]cache.Option{cache.WithHooks(r.hooks())}, options...)...)
	if err != nil {
		r.Fatal(err)
	}
	return c
}

func (r *rig) hooks() cache.Hooks {
	note := func(what, key string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, strings.TrimSpace(what+" "+key))
	}
	return cache.Hooks{
		Hit:      func(_ context.Context, key string) { note("hit", key) },
		Miss:     func(_ context.Context, key string) { note("miss", key) },
		Filled:   func(_ context.Context, key string) { note("filled", key) },
		Refused:  func(_ context.Context, key string, reason cache.Reason) { note("refused "+string(reason), key) },
		Bypassed: func(_ context.Context, key string, reason cache.Reason) { note("bypassed "+string(reason), key) },
		Error:    func(_ context.Context, key string, _ error) { note("error", key) },
	}
}

// took returns the events and the round trips since the last call.
func (r *rig) took() (events, commands []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, commands = r.events, r.commands
	r.events, r.commands = nil, nil
	return events, commands
}

// roundTrips is a hook of go-redis.
type roundTrips struct{ r *rig }

func (h roundTrips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.note(name(cmd))
		return next(ctx, cmd)
	}
}

func (h roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if n := name(cmds[0]); n == "hello" || n == "client" {
			h.note(n)
		} else {
			h.note(fmt.Sprintf("%d x %s", len(cmds), n))
		}
		return next(ctx, cmds)
	}
}

func (h roundTrips) note(s string) {
	if s == "hello" || s == "client" { // of a new connection
		return
	}
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	h.r.commands = append(h.r.commands, s)
}

func name(cmd redis.Cmder) string {
	if cmd.Name() == "fcall" {
		return strings.TrimPrefix(cmd.Args()[1].(string), "tailrace1_")
	}
	return cmd.Name()
}

// invalidate does what the daemon does at a commit.
func (r *rig) invalidate(key string, c protocol.Commit) {
	r.Helper()
	batch := []protocol.Invalidation{{Key: key, Commit: c}}
	if err := protocol.Check(r.lib.Invalidate(r.Context(), r.rdb, r.owner, "w", epoch, batch)); err != nil {
		r.Fatal(err)
	}
	r.owner.Watermark = "w"
}

func (r *rig) beat(floor protocol.LSN, at time.Time) {
	r.Helper()
	h := protocol.Heartbeat{Epoch: epoch, Applied: floor, Floor: floor, Time: at}
	if err := protocol.Check(r.lib.Beat(r.Context(), r.rdb, r.owner, h, time.Minute)); err != nil {
		r.Fatal(err)
	}
}

// get reads a key, and checks the value and where it has come from.
func (r *rig) get(c *cache.Cache, key string, load func(context.Context) (string, error), want string, how string) {
	r.Helper()
	got, err := cache.GetResult(r.Context(), c, key, load)
	is := got.Outcome.String()
	if got.Reason != "" {
		is += " " + string(got.Reason)
	}
	if got.Filled {
		is += " filled"
	}
	if err != nil || got.Value != want || is != how {
		r.Fatalf("got %q (%s), %v; want %q (%s)", got.Value, is, err, want, how)
	}
}

// stored checks the plain value in Redis; "": none.
func (r *rig) stored(key, want string) {
	r.Helper()
	got, err := r.rdb.Get(r.Context(), key).Result()
	if want == "" && errors.Is(err, redis.Nil) {
		return
	}
	if err != nil || got != want {
		r.Fatalf("Redis has %q, %v; want %q", got, err, want)
	}
}

func (r *rig) tookEvents(want ...string) {
	r.Helper()
	if got, _ := r.took(); !slices.Equal(got, want) {
		r.Fatalf("hooks: %q, want %q", got, want)
	}
}

// database is a database with a table items, where k has v1.
type database struct {
	*testing.T
	pool *pgxpool.Pool
}

// postgres runs a test on Postgres 15 and 18.
func postgres(t *testing.T, test func(*rig, *database)) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	for _, version := range []int{15, 18} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			s := testenv.SharedPostgres(t, version)
			name := testenv.NewDatabase(t, s)
			test(newRig(t), openDatabase(t, s.URL(name)))
		})
	}
}

func openDatabase(t *testing.T, url string) *database {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	d := &database{T: t, pool: pool}
	d.exec(pool, "CREATE TABLE items (id text PRIMARY KEY, v text)")
	d.exec(pool, "INSERT INTO items VALUES ('k', 'v1')")
	return d
}

type session interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

// exec runs a statement that returns no row.
func (d *database) exec(q session, statement string) {
	d.Helper()
	if err := q.QueryRow(context.Background(), statement).Scan(); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		d.Fatalf("%s: %v", statement, err)
	}
}

// text runs a query that returns a text.
func (d *database) text(q session, query string) (text string) {
	d.Helper()
	if err := q.QueryRow(context.Background(), query).Scan(&text); err != nil {
		d.Fatalf("%s: %v", query, err)
	}
	return text
}

// begin begins a transaction that ends with the test.
func (d *database) begin(o pgx.TxOptions) pgx.Tx {
	d.Helper()
	tx, err := d.pool.BeginTx(context.Background(), o)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

func (d *database) commit(tx pgx.Tx) {
	d.Helper()
	if err := tx.Commit(context.Background()); err != nil {
		d.Fatal(err)
	}
}

// xid assigns a transaction its id.
func (d *database) xid(tx pgx.Tx) (xid protocol.XID) {
	d.Helper()
	if _, err := fmt.Sscan(d.text(tx, "SELECT pg_current_xact_id()::text"), &xid); err != nil {
		d.Fatal(err)
	}
	return xid
}

func (d *database) lsn() protocol.LSN {
	d.Helper()
	lsn, err := cache.CurrentLSN(context.Background(), cache.PGX(d.pool))
	if err != nil {
		d.Fatal(err)
	}
	return lsn
}

// load reads item k.
func (d *database) load(q session) func(context.Context) (string, error) {
	return func(ctx context.Context) (v string, err error) {
		err = q.QueryRow(ctx, "SELECT v FROM items WHERE id = 'k'").Scan(&v)
		if errors.Is(err, pgx.ErrNoRows) {
			err = cache.ErrNotFound
		}
		return v, err
	}
}
