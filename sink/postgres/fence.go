package postgres

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

const acquireSQL = `
INSERT INTO tailrace.progress AS p (pipeline, sink, lane, owner, backend, backend_start)
SELECT $1, $2, $3, $4, pg_catalog.pg_backend_pid(), backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()
ON CONFLICT (pipeline, sink, lane) DO UPDATE
SET owner = EXCLUDED.owner, backend = EXCLUDED.backend, backend_start = EXCLUDED.backend_start
RETURNING ` + progressColumns

// progressColumns are the columns that readRow reads. A table of an older version has only olderColumns.
const (
	progressColumns = olderColumns + `, p.commit_lsn::pg_catalog.text, p.commit_xid::pg_catalog.text,
	(EXTRACT(epoch FROM p.commit_time) * 1000000)::pg_catalog.int8::pg_catalog.text, p.verdict::pg_catalog.text`
	olderColumns = `p.position::pg_catalog.text, p.seq::pg_catalog.text, p.origin::pg_catalog.text, pg_catalog.encode(p.state, 'hex')`
)

// acquireOwnership makes this process the owner of the lane's row and reads the row (I8). A transaction of the previous owner has
// the row locked from its first statement to its end, so afterwards none is open. One that does not end is terminated with its
// backend.
func (s *Sink) acquireOwnership(ctx context.Context, db *dml.Conn, lane sink.Lane) (*progress, sink.Progress, error) {
	if err := s.prepare(ctx, db); err != nil {
		return nil, sink.Progress{}, err
	}
	owner := rand.Text()
	params := [][]byte{[]byte(s.options.Pipeline), []byte(s.options.Name), []byte(lane.Name), []byte(owner)}
	for {
		rows, err := s.tryAcquire(ctx, db, params)
		if err == nil {
			held, err := s.readRow(ctx, db, lane.Name, rows[0])
			row := newProgress(params, lane.Origin)
			if held.Verdict != nil {
				row.origin = nil // the origin stays the one that the verdict is about
			}
			row.record(held.Position)
			return row, held, err
		}
		if pgconnect.SQLState(err) != pgconnect.LockNotAvailable {
			return nil, sink.Progress{}, named("acquire the progress record", err)
		}
		if err := s.terminateStaleOwner(ctx, db, params[:3]); err != nil {
			return nil, sink.Progress{}, err
		}
	}
}

// tryAcquire is one attempt, which waits for the row lock at most staleOwnerTimeout.
func (s *Sink) tryAcquire(ctx context.Context, db *dml.Conn, params [][]byte) (rows [][][]byte, err error) {
	if err := db.Run(ctx, "SET lock_timeout = "+strconv.FormatInt(staleOwnerTimeout.Milliseconds(), 10)); err != nil {
		return nil, err
	}
	if rows, err = db.Query(ctx, acquireSQL, params...); err != nil {
		return nil, err
	}
	return rows, db.Run(ctx, "SET lock_timeout = "+pgconnect.Literal(session["lock_timeout"]))
}

// terminateStaleOwner terminates the backend that the row names. It usually belongs to the same role, which may do so.
func (s *Sink) terminateStaleOwner(ctx context.Context, db *dml.Conn, key [][]byte) error {
	rows, err := db.Query(ctx, `SELECT p.backend, pg_catalog.pg_terminate_backend(p.backend)
		FROM tailrace.progress p JOIN pg_catalog.pg_stat_activity a ON a.pid = p.backend AND a.backend_start = p.backend_start
		WHERE p.pipeline = $1 AND p.sink = $2 AND p.lane = $3`, key...)
	if pgconnect.SQLState(err) == pgconnect.InsufficientPrivilege {
		return &capture.Problem{
			State: "target_busy", Err: err,
			Reason: "an earlier writer's transaction is still open in the target, and our role may not end it",
			Fix:    "let both use one role; or GRANT pg_signal_backend TO <role>",
		}
	}
	if err != nil {
		return named("end the transaction of an earlier writer", err)
	}
	for _, r := range rows {
		s.log.Warn("ended a session of an earlier writer", zap.ByteString("backend", r[0]))
	}
	return nil
}

// readRow reads the progressColumns of a row of tailrace.progress.
func (s *Sink) readRow(ctx context.Context, db *dml.Conn, lane string, row [][]byte) (sink.Progress, error) {
	if row[0] == nil {
		return s.readAbsent(ctx, db)
	}
	p := sink.Progress{Record: sink.RecordFound}
	read := func() (err error) {
		if p.Position.LSN, err = capture.ParseLSN(string(row[0])); err != nil {
			return err
		}
		if p.Position.Seq, err = strconv.ParseUint(string(row[1]), 10, 64); err != nil {
			return err
		}
		if err = json.Unmarshal(row[2], &p.Origin); err != nil {
			return err
		}
		if p.Commit, err = commitOf(row[4:7]); err != nil {
			return err
		}
		if row[7] != nil {
			if err = json.Unmarshal(row[7], &p.Verdict); err != nil {
				return err
			}
		}
		p.State, err = unhex(row[3])
		return err
	}
	if err := read(); err != nil {
		return p, fmt.Errorf("read progress of %s: %w", lane, err)
	}
	return p, nil
}

// commitOf reads a commit from its columns, which may be null: LSN, transaction id, and microseconds since 1970.
func commitOf(row [][]byte) (c capture.Commit, err error) {
	if row[0] == nil {
		return c, nil
	}
	if c.LSN, err = capture.ParseLSN(string(row[0])); err != nil {
		return c, err
	}
	if row[1] != nil {
		if c.XID, err = strconv.ParseUint(string(row[1]), 10, 64); err != nil {
			return c, err
		}
	}
	if row[2] != nil {
		us, err := strconv.ParseInt(string(row[2]), 10, 64)
		if err != nil {
			return c, err
		}
		c.Time = time.UnixMicro(us).UTC()
	}
	return c, nil
}

// Read implements sink.Reader.
func (s *Sink) Read(ctx context.Context, lane string, _ capture.Origin) (sink.Progress, error) {
	ctx, stop := context.WithTimeoutCause(ctx, openTimeout, errTimeout)
	defer stop()
	db, err := s.connect(ctx)
	if err != nil {
		return sink.Progress{}, err
	}
	defer db.Close()
	there, err := db.Query(ctx, `SELECT pg_catalog.to_regclass('tailrace.progress') IS NOT NULL, EXISTS (SELECT FROM pg_catalog.pg_attribute
		WHERE attrelid = pg_catalog.to_regclass('tailrace.progress') AND attname = 'verdict')`)
	if err != nil {
		return sink.Progress{}, named("look for tailrace.progress", err)
	}
	if string(there[0][0]) != "t" {
		return sink.Progress{Record: sink.RecordNone}, nil
	}
	columns := progressColumns
	if string(there[0][1]) != "t" {
		columns = olderColumns + ", NULL, NULL, NULL, NULL"
	}
	rows, err := db.Query(ctx, "SELECT "+columns+" FROM tailrace.progress p WHERE pipeline = $1 AND sink = $2 AND lane = $3",
		[]byte(s.options.Pipeline), []byte(s.options.Name), []byte(lane))
	if err != nil {
		return sink.Progress{}, named("read tailrace.progress", err)
	}
	if len(rows) == 0 {
		rows = [][][]byte{make([][]byte, 8)}
	}
	return s.readRow(ctx, db, lane, rows[0])
}

// readAbsent distinguishes a sink that never wrote from one whose record is missing: the latter still has registered tables.
func (s *Sink) readAbsent(ctx context.Context, db *dml.Conn) (sink.Progress, error) {
	there, err := db.Query(ctx, "SELECT pg_catalog.to_regclass('tailrace.tables') IS NOT NULL")
	if err != nil {
		return sink.Progress{}, named("look for tailrace.tables", err)
	}
	if string(there[0][0]) != "t" {
		return sink.Progress{Record: sink.RecordNone}, nil
	}
	rows, err := db.Query(ctx, "SELECT EXISTS (SELECT FROM tailrace.tables WHERE pipeline = $1 AND sink = $2)",
		[]byte(s.options.Pipeline), []byte(s.options.Name))
	if err != nil {
		return sink.Progress{}, named("read tailrace.tables", err)
	}
	if string(rows[0][0]) == "t" {
		return sink.Progress{Record: sink.RecordMissing}, nil
	}
	return sink.Progress{Record: sink.RecordNone}, nil
}
