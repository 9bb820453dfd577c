package cachecheck

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silent{}) // it logs each connection that fails
	testenv.Main(m)
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// Rows, all of which are read and written all the time. Some keys depend on a group of them.
const (
	hotRows = 200
	group   = 40
)

// rig is one run: servers, the daemon, and everybody who reads and writes.
//
// Commits have to be decoded before they are visible, which on a primary without a synchronous standby takes microseconds and so
// hardly ever meets a reader. Here the primary waits for a real synchronous standby. Its link has a latency, and is held up now
// and then; meanwhile the commit is in the WAL, which the daemon reads, and no other session sees it. The same standby replays
// late (recovery_min_apply_delay), so that readers of a standby are behind.
type rig struct {
	*testing.T
	primary, standby *testenv.PostgresServer
	standbyLink      *proxy.Server
	redis            *testenv.RedisServer
	redisLink        *proxy.Server // between the daemon and Redis
	daemon           *daemon
	conn             *pgx.Conn // to the primary, which does not wait for the standby

	history *History
	applied []*Applied // of the databases of Redis
	library []*protocol.Library
}

// The databases of Redis: that of the sink with the protocol alone, and that of the sink with plain_fillers.
const (
	exactly = iota
	plainFillers
)

const (
	standbyLatency = 10 * time.Millisecond
	replayDelay    = 200 * time.Millisecond
)

// newRig starts the servers and the daemon. synchronous is whether commits wait for the standby.
func newRig(t *testing.T, synchronous bool) *rig {
	r := &rig{T: t, history: NewHistory(hotRows)}
	r.startPostgres()
	if synchronous {
		r.primary.Exec(r, "ALTER SYSTEM SET synchronous_standby_names = '"+testenv.StandbyName+"'", "SELECT pg_reload_conf()")
		r.primary.Until(r, "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
	}
	r.redis = testenv.Redis(t)
	r.redisLink = testenv.Proxy(t, r.redis.Addr())
	ctx, cancel := context.WithCancel(context.Background())
	var watchers sync.WaitGroup
	t.Cleanup(func() { cancel(); watchers.Wait() })
	for db := range 2 {
		client := redis.NewClient(&redis.Options{Addr: r.redis.Addr(), DB: db})
		t.Cleanup(func() { client.Close() })
		r.library = append(r.library, protocol.NewLibrary(client))
		a := NewApplied(r.history, client, control)
		r.applied = append(r.applied, a)
		watchers.Go(func() { a.Watch(ctx) })
	}
	r.daemon = newDaemon(r)
	t.Cleanup(r.daemon.end)
	r.daemon.start()
	return r
}

// control names the control keys of the daemon's pipeline.
var control = protocol.Control{Source: "shop"}

func (r *rig) startPostgres() {
	r.primary = testenv.Postgres(r, testenv.Setting("max_connections", "200"), testenv.Setting("max_prepared_transactions", "100"))
	r.standbyLink = testenv.Proxy(r, r.primary.Addr())
	r.primary.Exec(r, append(Schema(hotRows, group), "CREATE TABLE nudge (id int PRIMARY KEY, n int)", "INSERT INTO nudge VALUES (1, 0)",
		"CREATE TABLE reset (id int PRIMARY KEY)")...)
	r.standby = r.primary.Standby(r, testenv.Setting("recovery_min_apply_delay", replayDelay.String()))
	link, err := url.Parse("tcp://" + r.standbyLink.Addr())
	r.must(err)
	r.standby.Exec(r, fmt.Sprintf("ALTER SYSTEM SET primary_conninfo = 'host=%s port=%s user=postgres application_name=%s'",
		link.Hostname(), link.Port(), testenv.StandbyName), "SELECT pg_reload_conf()")
	r.standbyLink.Latency(standbyLatency)
	r.conn, err = pgx.Connect(r.Context(), r.primary.URL())
	r.must(err)
	r.Cleanup(func() { r.conn.Close(context.Background()) })
	_, err = r.conn.Exec(r.Context(), "SET synchronous_commit = local")
	r.must(err)
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// until polls until ok is true.
func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	for began := time.Now(); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 2*time.Minute {
			r.Fatalf("%s: not in time\n%s", what, r.daemon.logTail())
		}
	}
}

// untilApplied waits until the heartbeats of both sinks cover every commit that has returned. A heartbeat also says that no loss is
// left to be repaired.
func (r *rig) untilApplied() {
	r.Helper()
	lsn, err := CurrentLSN(r.Context(), r.conn)
	r.must(err)
	r.until("the heartbeats to cover "+fmt.Sprintf("%x", lsn), func() bool {
		_, err := r.conn.Exec(r.Context(), "UPDATE nudge SET n = n + 1")
		r.must(err)
		for _, l := range r.library {
			if h, err := l.ReadHeartbeat(r.Context(), control); err != nil || h.Applied < lsn {
				return false
			}
		}
		return true
	})
}

// cache returns a cache with a prefix in a database of Redis.
func (r *rig) cache(db int, prefix string) Cache {
	client := redis.NewClient(&redis.Options{Addr: r.redis.Addr(), DB: db, DialTimeout: time.Second, ReadTimeout: 2 * time.Second, MaxRetries: 1})
	r.Cleanup(func() { client.Close() })
	return Cache{Redis: client, Prefix: prefix, Rows: 1, TTL: time.Hour, Delay: slow}
}

// slow is the delay between a reader's snapshot and its fill: that of a service that renders a page in between, or is paused.
func slow() time.Duration {
	switch n := rand.IntN(100); {
	case n < 70:
		return 0
	case n < 95:
		return rand.N(30 * time.Millisecond)
	}
	return rand.N(600 * time.Millisecond)
}

// slower is sometimes longer than a lease.
func slower() time.Duration {
	if rand.IntN(200) == 0 {
		return rand.N(5 * time.Second)
	}
	return slow()
}

func (r *rig) database(s *testenv.PostgresServer) *Database {
	d, err := Connect(r.Context(), s.URL(), 12)
	r.must(err)
	r.Cleanup(func() { d.Close(context.Background()) })
	return d
}

// leased returns a client with leases.
func (r *rig) leased(prefix string, rows int, proof Proof) *Leased {
	c := r.cache(exactly, prefix)
	c.Rows, c.Delay = rows, slower
	return &Leased{Cache: c, Library: protocol.NewLibrary(c.Redis), Control: control, Proof: proof}
}
