package trees

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// probe is what the rows of a partition show.
type probe struct {
	Exists    bool
	File      uint32
	Empty     bool // it has no pages
	Readable  bool // its rows were read
	Older     bool // it has rows that were written before the given moment
	Rewritten bool // the transaction that created its file changed its columns
	Unfilled  bool // the server's statistics count no insert
	Born      bool // the given transaction created it
}

// older is the condition for a row in the first 8 MB of a partition that was written before a command of a transaction.
const older = `t.ctid < '(1024,0)'::tid AND (age(t.xmin) > age($1::text::xid) OR t.xmin = $1::text::xid AND t.cmin::text::bigint < $2)`

// probe reads a partition's file and its first rows. It waits at most 200 ms for a lock; decided is false when it did not
// get it. For a partition that the role may not read, the result has only what the catalogue shows.
func probePartition(ctx context.Context, conn *pgx.Conn, oid, xid uint32, command int64) (p probe, decided bool, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '200ms'"); err != nil {
			return err
		}
		var name string
		err := tx.QueryRow(ctx, `
			SELECT true, c.relfilenode, coalesce(pg_relation_size(c.oid) = 0, false), EXISTS (SELECT FROM pg_attribute a
					WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.xmin = c.xmin), pg_stat_get_tuples_inserted(c.oid) = 0,
				EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum < 0 AND a.xmin = $2::text::xid),
				format('%I.%I', n.nspname, c.relname), c.relkind = 'r' AND has_table_privilege(c.oid, 'SELECT')
					AND has_schema_privilege(n.oid, 'USAGE') AND NOT row_security_active(c.oid)
					AND EXISTS (SELECT FROM pg_am WHERE pg_am.oid = c.relam AND amname = 'heap')
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1`, oid, strconv.FormatUint(uint64(xid), 10)).
			Scan(&p.Exists, &p.File, &p.Empty, &p.Rewritten, &p.Unfilled, &p.Born, &name, &p.Readable)
		if err != nil || !p.Readable || p.Empty {
			return err
		}
		return tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM ONLY `+name+` t WHERE `+older+`)`,
			strconv.FormatUint(uint64(xid), 10), command).Scan(&p.Older)
	})
	switch pgconnect.SQLState(err) {
	case pgconnect.LockNotAvailable:
		return p, false, nil
	case pgconnect.UndefinedTable, pgconnect.InvalidSchemaName: // it was dropped meanwhile
		return probe{}, false, nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return probe{}, true, nil
	}
	return p, true, problem.Named("read a partition", err)
}
