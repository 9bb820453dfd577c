package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jackc/pgx/v5"
)

// turn is one transaction of a writer.
type turn struct {
	tx    pgx.Tx
	rand  *rand.Rand
	n     int64 // changes of published tables that will be committed
	board bool  // ledger.board was written: it is locked, and its digest goes into tx_log
}

// do runs a statement on a published table and counts the rows that it changed.
func (t *turn) do(ctx context.Context, sql string, args ...any) error {
	tag, err := t.tx.Exec(ctx, sql, args...)
	t.n += tag.RowsAffected()
	return err
}

// one is like do, for a statement that must change one row.
func (t *turn) one(ctx context.Context, sql string, args ...any) error {
	had := t.n
	if err := t.do(ctx, sql, args...); err != nil {
		return err
	}
	if t.n != had+1 {
		return errNoRow
	}
	return nil
}

// aside runs a statement on tables that are not published.
func (t *turn) aside(ctx context.Context, sql string, args ...any) error {
	_, err := t.tx.Exec(ctx, sql, args...)
	return err
}

// undone does work whose rows carry ver = -1 within a savepoint, and rolls back to it.
func (t *turn) undone(ctx context.Context, work ...string) error {
	if err := t.aside(ctx, "savepoint mistake"); err != nil {
		return err
	}
	for _, sql := range work {
		if err := t.aside(ctx, sql); err != nil {
			return err
		}
	}
	return t.aside(ctx, "rollback to savepoint mistake")
}

// log writes the transaction's row of tx_log, which is its last change.
func (t *turn) log(ctx context.Context, writer int) error {
	digest := "null"
	if t.board {
		digest = DigestBoard
	}
	return t.do(ctx, "insert into ledger.tx_log (writer, n_changes, digest) values ($1, $2, "+digest+")", writer, t.n+1)
}

// DigestBoard is the digest of the small table, as an expression.
const DigestBoard = `(select md5(coalesce(string_agg(b::text, e'\n' order by id), '')) from ledger.board b)`

// lock locks accounts in a fixed order, so that transfers do not deadlock.
func (t *turn) lock(ctx context.Context, ids ...int) error {
	return t.aside(ctx, "select 1 from ledger.account where id = any($1) order by id for update", ids)
}

// pad returns text that Postgres cannot compress and, over 2 kB, stores out of line.
func (t *turn) pad(bytes int) string {
	var b strings.Builder
	for b.Len() < bytes {
		fmt.Fprintf(&b, "%016x", t.rand.Uint64())
	}
	return b.String()
}
