package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

const (
	keylessTries  = 50
	lockWithin    = 10 * time.Second // to lock the replica's table
	catchUpWithin = 30 * time.Second // for the replica to catch up with the source while its table is locked
	hashesAtOnce  = 500
)

// keylessRepair is the result of a repair: how many rows the source has, and how many the replica lacked or had in addition.
type keylessRepair struct{ rows, missing, extra int64 }

// errWritten means that the source's table was modified while the replica's was locked, so the two cannot become equal.
var errWritten = errors.New("the source's table is written to")

// surplus counts, per hash, the rows that one side has and the other lacks.
type surplus struct {
	hashes []string
	counts []int64
	rows   int64
}

func (s *surplus) add(hash string, n int64) {
	s.hashes, s.counts, s.rows = append(s.hashes, hash), append(s.counts, n), s.rows+n
}

// repairKeyless gives the replica's table without a key the same rows as the source's, each the same number of times: rows with
// equal values are interchangeable. The repair is exact, because no change is in flight: it locks the replica's table, reads the
// source, and then waits until the replica has everything that was committed in the source by then. The replica cannot get there
// while a change of the table waits for the lock. repairKeyless returns false for a table that is modified all the time.
func (c *comparison) repairKeyless(ctx context.Context) (r keylessRepair, done bool, err error) {
	for n := range keylessTries {
		if n > 0 {
			if err := sleep(ctx, pause*time.Millisecond); err != nil {
				return r, false, err
			}
		}
		if r, err = c.whileLocked(ctx); !errors.Is(err, errWritten) {
			return r, err == nil, err
		}
	}
	return r, false, nil
}

// whileLocked makes one attempt of repairKeyless.
func (c *comparison) whileLocked(ctx context.Context) (r keylessRepair, err error) {
	if err := c.follow(ctx); err != nil { // wait for a backlog before taking the lock
		return r, err
	}
	begin := fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = %d; LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", lockWithin.Milliseconds(), c.target.name.sql())
	if _, err := c.target.conn.Exec(ctx, begin).ReadAll(); err != nil {
		err = c.target.failed("lock", err)
		if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == pgconnect.LockNotAvailable {
			err = errWritten
		}
		return r, errors.Join(err, c.target.exec(context.WithoutCancel(ctx), "ROLLBACK"))
	}
	if err := c.source.exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err != nil {
		return r, errors.Join(err, c.target.exec(context.WithoutCancel(ctx), "ROLLBACK"))
	}
	r, err = c.replaceKeyless(ctx)
	end := "COMMIT"
	if err != nil {
		end = "ROLLBACK"
	}
	return r, errors.Join(err, c.target.exec(context.WithoutCancel(ctx), end), c.source.exec(context.WithoutCancel(ctx), "ROLLBACK"))
}

// replaceKeyless writes the differences, while the replica's table is locked and the source session has a snapshot.
func (c *comparison) replaceKeyless(ctx context.Context) (r keylessRepair, err error) {
	if _, err := query(ctx, c.source.conn, "SELECT FROM "+c.source.name.sql()+" LIMIT 0"); err != nil { // takes the snapshot
		return r, c.source.failed("read", err)
	}
	if err := c.caughtUpOrBlocked(ctx); err != nil {
		return r, err
	}
	lacks, has, rows, err := c.surpluses(ctx)
	if err != nil {
		return r, err
	}
	if c.Keeps {
		has = surplus{}
	}
	if err := c.target.deleteKeyless(ctx, has); err != nil {
		return r, err
	}
	for i := 0; i < len(lacks.hashes); i += hashesAtOnce {
		end := min(i+hashesAtOnce, len(lacks.hashes))
		if err := c.insertKeyless(ctx, lacks.hashes[i:end], lacks.counts[i:end]); err != nil {
			return r, err
		}
	}
	return keylessRepair{rows: rows, missing: lacks.rows, extra: has.rows}, nil
}

// caughtUpOrBlocked waits until the replica has everything that was read from the source so far. It returns errWritten as soon as a
// change of the table waits for the lock.
func (c *comparison) caughtUpOrBlocked(ctx context.Context) error {
	end, err := c.End(ctx)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(catchUpWithin); time.Now().Before(deadline); {
		durable, err := c.Durable(ctx)
		if err != nil || durable.LSN >= end {
			return err
		}
		waits, err := query(ctx, c.target.conn, "SELECT FROM pg_catalog.pg_locks WHERE NOT granted AND relation = $1::pg_catalog.text::pg_catalog.regclass AND "+
			"database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())", c.target.name.sql())
		if err != nil {
			return c.target.failed("look who waits for", err)
		}
		if len(waits) > 0 {
			return errWritten
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return errWritten
}

// surpluses compares how often each hash occurs on both sides, and returns what the replica lacks and what it has in addition.
// Both sides sort the hashes, so that only differences are kept in memory.
func (c *comparison) surpluses(ctx context.Context) (lacks, has surplus, rows int64, err error) {
	source, target := c.source.sorted(ctx), c.target.sorted(ctx)
	for {
		if source.next() {
			rows += source.count
		}
		target.next()
		switch {
		case !source.there && !target.there:
			return lacks, has, rows, errors.Join(source.close(), target.close())
		case !target.there || source.there && source.hash < target.hash:
			lacks.add(source.text, source.count)
			source.taken = true
		case !source.there || target.hash < source.hash:
			has.add(target.text, target.count)
			target.taken = true
		default:
			if more := source.count - target.count; more > 0 {
				lacks.add(source.text, more)
			} else if more < 0 {
				has.add(source.text, -more)
			}
			source.taken, target.taken = true, true
		}
	}
}

// sorted iterates over the hashes of a side in order, with the number of rows per hash.
type sorted struct {
	side   *side
	reader *pgconn.ResultReader
	text   string
	hash   int64
	count  int64
	taken  bool // the current hash was consumed
	there  bool // there is a current hash
	err    error
}

func (s *side) sorted(ctx context.Context) *sorted {
	where, params := s.where(span{})
	sql := fmt.Sprintf("SELECT h, pg_catalog.count(*) FROM (SELECT %s AS h FROM %s WHERE %s) AS r GROUP BY h ORDER BY h", s.hash(), s.name.sql(), where)
	return &sorted{side: s, reader: s.conn.ExecParams(ctx, sql, bytesOf(params), nil, nil, nil), taken: true}
}

// next advances to the next hash if the current one was consumed, and reports whether there is a current hash.
func (s *sorted) next() bool {
	if !s.taken {
		return false
	}
	s.taken, s.there = false, s.reader.NextRow()
	if !s.there {
		return false
	}
	values := s.reader.Values()
	s.text = string(values[0])
	var one, two error
	s.hash, one = strconv.ParseInt(s.text, 10, 64)
	s.count, two = strconv.ParseInt(string(values[1]), 10, 64)
	s.err = errors.Join(s.err, one, two)
	return true
}

func (s *sorted) close() error {
	_, err := s.reader.Close()
	if err = errors.Join(err, s.err); err != nil {
		return s.side.failed("sum up", err)
	}
	return nil
}

// deleteKeyless deletes the given number of rows per hash.
func (s *side) deleteKeyless(ctx context.Context, extra surplus) error {
	if extra.rows == 0 {
		return nil
	}
	n, err := s.write(ctx, fmt.Sprintf(`WITH extra (h, n) AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.int8[]), pg_catalog.unnest($2::pg_catalog.int8[])) AS e),
		counted AS (SELECT tableoid AS o, ctid AS c, %[1]s AS h, pg_catalog.row_number() OVER (PARTITION BY %[1]s) AS r FROM %[2]s)
		DELETE FROM %[2]s WHERE (tableoid, ctid) IN (SELECT o, c FROM counted JOIN extra USING (h) WHERE r <= n)`, s.hash(), s.name.sql()),
		bytesOf([]string{array(extra.hashes), array(decimals(extra.counts))}))
	if err == nil && n != extra.rows {
		err = fmt.Errorf("%d rows of %s were deleted where %d had to be", n, s.name, extra.rows)
	}
	return err
}

// insertKeyless copies the given number of rows per hash from the source.
func (c *comparison) insertKeyless(ctx context.Context, hashes []string, counts []int64) error {
	where, params := c.source.where(span{})
	sql := fmt.Sprintf("SELECT DISTINCT ON (%[1]s) %[1]s, %[2]s FROM %[3]s WHERE %[4]s AND %[1]s = ANY ($%[5]d::pg_catalog.int8[])",
		c.source.hash(), pgconnect.Idents(c.table.Columns), c.source.name.sql(), where, len(params)+1)
	rows, err := query(ctx, c.source.conn, sql, append(params, array(hashes))...)
	if err != nil {
		return c.source.failed("read rows of", err)
	}
	for _, r := range rows {
		for range counts[slices.Index(hashes, string(r[0]))] {
			inserted, err := c.target.insert(ctx, &row{values: r[1:]})
			if err == nil && inserted != 1 {
				err = fmt.Errorf("a row of %s is not taken: a unique index of the replica is in the way", c.target.name)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func decimals(all []int64) []string {
	var texts []string
	for _, n := range all {
		texts = append(texts, strconv.FormatInt(n, 10))
	}
	return texts
}
