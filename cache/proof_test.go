package cache_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/cache/protocol"
)

func TestCommitThatIsNotVisibleYetIsNotFilledOver(t *testing.T) {
	for _, key := range []string{"k", ""} { // the key's own section, and the namespace's
		t.Run("section of "+key, func(t *testing.T) {
			postgres(t, func(r *rig, d *database) {
				c := r.cache(cache.OnPrimary(cache.PGX(d.pool)))
				tx := d.begin(pgx.TxOptions{})
				d.exec(tx, "UPDATE items SET v = 'v2'")
				r.invalidate(key, protocol.Commit{LSN: d.lsn(), XID: d.xid(tx)}) // the daemon decodes a commit before it is visible
				r.get(c, "k", d.load(d.pool), "v1", "miss not_visible")
				r.stored("k", "")
				d.commit(tx)
				r.get(c, "k", d.load(d.pool), "v2", "miss filled") // the lease was given back
				r.stored("k", `"v2"`)
				r.tookEvents("miss k", "refused not_visible k", "miss k", "filled k")
			})
		})
	}
}

func TestOverflowIsProvenByTheSnapshotsXmin(t *testing.T) {
	postgres(t, func(r *rig, d *database) {
		c := r.cache(cache.OnPrimary(cache.PGX(d.pool)))
		open := d.begin(pgx.TxOptions{})
		d.exec(open, "UPDATE items SET v = 'v2'")
		r.invalidate("k", protocol.Commit{LSN: d.lsn(), XID: d.xid(open)})
		for range 8 { // the smallest xid moves into the overflow
			tx := d.begin(pgx.TxOptions{})
			xid := d.xid(tx)
			d.commit(tx)
			r.invalidate("k", protocol.Commit{LSN: d.lsn(), XID: xid})
		}
		r.get(c, "k", d.load(d.pool), "v1", "miss not_visible")
		d.commit(open)
		r.get(c, "k", d.load(d.pool), "v2", "miss filled")
	})
}

func TestOwnUncommittedRowsAreNotStored(t *testing.T) {
	postgres(t, func(r *rig, d *database) {
		c := r.cache(cache.OnPrimary(cache.PGX(d.pool)))
		tx := d.begin(pgx.TxOptions{})
		inTx := c.With(cache.OnPrimary(cache.PGX(tx)))
		update := func(ctx context.Context) (string, error) {
			d.exec(tx, "UPDATE items SET v = 'uncommitted'")
			return d.load(tx)(ctx)
		}
		r.get(inTx, "k", update, "uncommitted", "miss own_writes") // load itself has written
		r.get(inTx, "k", d.load(tx), "uncommitted", "miss own_writes")
		r.stored("k", "")
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.get(c, "k", d.load(d.pool), "v1", "miss filled")
	})
}

func TestReadCommittedTransactionIsStored(t *testing.T) {
	postgres(t, func(r *rig, d *database) {
		tx := d.begin(pgx.TxOptions{})
		d.exec(tx, "SELECT")
		d.exec(d.pool, "UPDATE items SET v = 'v2'")
		c := r.cache(cache.OnPrimary(cache.PGX(d.pool))).With(cache.OnPrimary(cache.PGX(tx)))
		r.get(c, "k", d.load(tx), "v2", "miss filled")
	})
}

func TestSnapshotOlderThanTheLeaseIsNotStored(t *testing.T) {
	for _, level := range []pgx.TxIsoLevel{pgx.RepeatableRead, pgx.Serializable} {
		t.Run(string(level), func(t *testing.T) {
			postgres(t, func(r *rig, d *database) {
				c := r.cache(cache.OnPrimary(cache.PGX(d.pool)))
				tx := d.begin(pgx.TxOptions{IsoLevel: level})
				d.exec(tx, "SELECT")
				d.exec(d.pool, "UPDATE items SET v = 'v2'") // its tombstone may have lapsed by now
				r.get(c.With(cache.OnPrimary(cache.PGX(tx))), "k", d.load(tx), "v1", "miss old_snapshot")
				r.stored("k", "")
			})
		})
	}
}

func TestPoolOfRepeatableReadSessionsIsStored(t *testing.T) {
	postgres(t, func(r *rig, d *database) {
		d.exec(d.pool, "SET default_transaction_isolation = 'repeatable read'")
		r.invalidate("k", protocol.Commit{LSN: d.lsn(), XID: 3})
		c := r.cache(cache.OnPrimary(cache.PGX(d.pool)))
		r.get(c, "k", d.load(d.pool), "v1", "miss filled")
	})
}

func TestFailingProofStoresNothing(t *testing.T) {
	postgres(t, func(r *rig, d *database) {
		c := r.cache(cache.OnReplica(cache.PGX(d.pool), "mirror", "replica")) // there is no tailrace.progress
		r.get(c, "k", d.load(d.pool), "v1", "miss proof_failed")
		r.tookEvents("miss k", "error k", "refused proof_failed k")
		r.get(c.With(cache.Proof{}), "k", d.load(d.pool), "v1", "miss proof_failed")
	})
}

func TestReplicaIsProvenByItsProgress(t *testing.T) {
	postgres(t, func(r *rig, d *database) {
		d.exec(d.pool, "CREATE SCHEMA tailrace")
		d.exec(d.pool, "CREATE TABLE tailrace.progress (pipeline text, sink text, lane text, position pg_lsn)")
		d.exec(d.pool, `INSERT INTO tailrace.progress VALUES ('mirror', 'replica', 'a', '0/90'), ('mirror', 'replica', 'b', NULL),
			('other', 'replica', 'a', '0/10'), ('mirror', 'other', 'a', '0/10')`)
		c := r.cache(cache.OnReplica(cache.PGX(d.pool), "mirror", "replica"))
		r.invalidate("k", protocol.Commit{LSN: 0x80})
		step := func(statement, how string) {
			r.Helper()
			d.exec(d.pool, statement)
			r.get(c, "k", d.load(d.pool), "v1", how)
		}
		step("SELECT", "miss no_heartbeat")
		r.beat(0x50, r.now())
		step("SELECT", "miss not_replayed") // lane b has no position
		step("UPDATE tailrace.progress SET position = '0/7F' WHERE lane = 'b'", "miss not_replayed")
		r.beat(0x88, r.now())
		step("UPDATE tailrace.progress SET position = '0/80' WHERE lane = 'b'", "miss not_replayed") // the heartbeat's floor
		r.beat(0x50, r.now())
		r.invalidate("", protocol.Commit{LSN: 0x88})
		step("SELECT", "miss not_replayed") // the namespace's section
		step("UPDATE tailrace.progress SET position = '0/88' WHERE lane = 'b'", "miss filled")
	})
}
