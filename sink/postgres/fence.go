package postgres

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

const takeOverSQL = `
INSERT INTO tailrace.progress AS p (pipeline, sink, lane, owner, backend, backend_start)
SELECT $1, $2, $3, $4, pg_catalog.pg_backend_pid(), backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()
ON CONFLICT (pipeline, sink, lane) DO UPDATE
SET owner = EXCLUDED.owner, backend = EXCLUDED.backend, backend_start = EXCLUDED.backend_start
RETURNING p.position::pg_catalog.text, p.seq::pg_catalog.text, p.origin::pg_catalog.text, pg_catalog.encode(p.state, 'hex')`

// takeOver makes the lane's row ours and reads what it says (I8). A transaction of the owner before holds the row locked from
// its first statement to its end, so after this there is none; one that does not end is ended with its backend.
func (s *Sink) takeOver(ctx context.Context, db *conn, lane sink.Lane) (*progress, sink.Progress, error) {
	if err := s.prepare(ctx, db); err != nil {
		return nil, sink.Progress{}, err
	}
	owner := rand.Text()
	params := [][]byte{[]byte(s.options.Pipeline), []byte(s.options.Name), []byte(lane.Name), []byte(owner)}
	for {
		rows, err := s.claim(ctx, db, params)
		if err == nil {
			held, err := s.known(ctx, db, lane, rows[0])
			return newProgress(params, lane.Origin), held, err
		}
		if sqlstate(err) != "55P03" {
			return nil, sink.Progress{}, named("take over the progress", err)
		}
		if err := s.endZombie(ctx, db, params[:3]); err != nil {
			return nil, sink.Progress{}, err
		}
	}
}

// claim is one attempt, which waits for the row only so long.
func (s *Sink) claim(ctx context.Context, db *conn, params [][]byte) (rows [][][]byte, err error) {
	if err := db.run(ctx, "SET lock_timeout = "+strconv.FormatInt(zombieWithin.Milliseconds(), 10)); err != nil {
		return nil, err
	}
	if rows, err = db.rows(ctx, takeOverSQL, params...); err != nil {
		return nil, err
	}
	return rows, db.run(ctx, "SET lock_timeout = "+literal(session["lock_timeout"]))
}

// endZombie ends the backend that the row names. It is of our role as a rule, so we may.
func (s *Sink) endZombie(ctx context.Context, db *conn, key [][]byte) error {
	rows, err := db.rows(ctx, `SELECT p.backend, pg_catalog.pg_terminate_backend(p.backend)
		FROM tailrace.progress p JOIN pg_catalog.pg_stat_activity a ON a.pid = p.backend AND a.backend_start = p.backend_start
		WHERE p.pipeline = $1 AND p.sink = $2 AND p.lane = $3`, key...)
	if sqlstate(err) == "42501" {
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

// known reads the row of tailrace.progress.
func (s *Sink) known(ctx context.Context, db *conn, lane sink.Lane, row [][]byte) (sink.Progress, error) {
	if row[0] == nil {
		return s.unknown(ctx, db)
	}
	p := sink.Progress{Memory: sink.Found}
	var err error
	if p.Position.LSN, err = capture.ParseLSN(string(row[0])); err != nil {
		return p, fmt.Errorf("read progress of %s: %w", lane.Name, err)
	}
	if p.Position.Seq, err = strconv.ParseUint(string(row[1]), 10, 64); err != nil {
		return p, fmt.Errorf("read progress of %s: %w", lane.Name, err)
	}
	if err = json.Unmarshal(row[2], &p.Origin); err != nil {
		return p, fmt.Errorf("read origin of %s: %w", lane.Name, err)
	}
	p.State, err = unhex(row[3])
	return p, err
}

// unknown tells a sink that never wrote from one whose record was taken away: then its tables are still registered.
func (s *Sink) unknown(ctx context.Context, db *conn) (sink.Progress, error) {
	rows, err := db.rows(ctx, "SELECT EXISTS (SELECT FROM tailrace.tables WHERE pipeline = $1 AND sink = $2)",
		[]byte(s.options.Pipeline), []byte(s.options.Name))
	if err != nil {
		return sink.Progress{}, named("read tailrace.tables", err)
	}
	if string(rows[0][0]) == "t" {
		return sink.Progress{Memory: sink.Lost}, nil
	}
	return sink.Progress{Memory: sink.Empty}, nil
}
