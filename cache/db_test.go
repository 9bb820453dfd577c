package cache_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/cache/protocol"
)

func TestDatabaseSQLIsProvenToo(t *testing.T) {
	postgres(t, func(r *rig, d *database) {
		db, err := sql.Open("pgx", d.pool.Config().ConnString())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		ctx := t.Context()
		conn, err := db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		load := func(q interface {
			QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
		},
		) func(context.Context) (string, error) {
			return func(ctx context.Context) (v string, err error) {
				err = q.QueryRowContext(ctx, "SELECT v FROM items").Scan(&v)
				return v, err
			}
		}
		open := d.begin(pgx.TxOptions{})
		d.exec(open, "UPDATE items SET v = 'v2'")
		commit := protocol.Commit{LSN: d.lsn(), XID: d.xid(open)}
		r.invalidate("k", commit)
		c := r.cache(cache.OnPrimary(cache.SQL(db)))
		r.get(c, "k", load(db), "v1", "miss not_visible")
		r.get(c.With(cache.OnPrimary(cache.SQL(conn))), "k", load(conn), "v1", "miss not_visible")
		d.commit(open)
		r.get(c.With(cache.OnPrimary(cache.SQL(conn))), "k", load(conn), "v2", "miss filled")
		r.invalidate("k", commit)
		r.get(c, "k", load(db), "v2", "miss filled")

		tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		r.invalidate("k", commit)
		r.get(c.With(cache.OnPrimary(cache.SQL(tx))), "k", load(tx), "v2", "miss old_snapshot")
		r.get(c.With(cache.OnPrimary(cache.SQL(conn))), "k", load(conn), "v2", "miss old_snapshot")
	})
}

func TestOnlyPoolsAreNoSessions(t *testing.T) {
	postgres(t, func(_ *rig, d *database) {
		conn, err := d.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
		for what, got := range map[string]bool{
			"pool": !cache.PGX(d.pool).IsSession(), "pooled conn": cache.PGX(conn).IsSession(), "conn": cache.PGX(conn.Conn()).IsSession(),
			"tx": cache.PGX(d.begin(pgx.TxOptions{})).IsSession(),
		} {
			if !got {
				t.Error(what)
			}
		}
	})
}
