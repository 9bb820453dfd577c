package cache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/internal/testenv"
)

// now is the clock of Redis.
func (r *rig) now() time.Time {
	r.Helper()
	now, err := r.rdb.Time(r.Context()).Result()
	if err != nil {
		r.Fatal(err)
	}
	return now
}

func TestStandbyIsProvenByItsReplay(t *testing.T) {
	r := newRig(t)
	primary := testenv.Postgres(t)
	d := openDatabase(t, primary.URL())
	server := primary.Standby(t)
	server.CatchUp(t, primary)
	pool, err := pgxpool.New(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	c := r.cache(cache.OnStandby(cache.PGX(pool)))
	load := d.load(pool)

	r.get(c, "k", load, "v1", "miss no_heartbeat")
	r.beat(d.lsn(), r.now())
	replayed := fmt.Sprintf("SELECT pg_last_wal_replay_lsn() >= '%s'", d.text(d.pool, "SELECT pg_current_wal_insert_lsn()::text"))
	server.Until(t, replayed)
	r.get(c, "k", load, "v1", "miss filled")

	server.Exec(t, "SELECT pg_wal_replay_pause()")
	server.Until(t, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
	d.exec(d.pool, "UPDATE items SET v = 'v2'")
	r.invalidate("k", protocol.Commit{LSN: d.lsn()}) // visible on the primary
	r.get(c, "k", load, "v1", "miss not_replayed")
	if err := r.rdb.Del(t.Context(), protocol.Sidecar("k")).Err(); err != nil { // the tombstone has lapsed
		t.Fatal(err)
	}
	r.beat(d.lsn(), r.now())
	r.get(c, "k", load, "v1", "miss not_replayed") // the floor
	r.invalidate("k", protocol.Commit{LSN: d.lsn(), XID: 3})
	replayed = fmt.Sprintf("SELECT pg_last_wal_replay_lsn() >= '%s'", d.text(d.pool, "SELECT pg_current_wal_insert_lsn()::text"))
	r.get(r.cache(cache.OnPrimary(cache.PGX(pool))), "k", load, "v1", "miss not_a_primary")
	r.stored("k", "")

	server.Exec(t, "SELECT pg_wal_replay_resume()")
	server.Until(t, replayed)
	r.get(c, "k", load, "v2", "miss filled")

	server.Promote(t)
	r.invalidate("k", protocol.Commit{LSN: 1 << 60, XID: 3}) // of the primary that there was
	r.get(c, "k", load, "v2", "miss filled")
}
