package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/sink"
)

// errCount says that a statement did not hit the rows that it should have: a row of the target is missing, or was
// changed there.
var errCount = errors.New("a statement has hit another number of rows")

// any number of rows will do.
const anyRows = -1

// script is a run of prepared statements that goes to the server in one round trip.
type script struct {
	db    *conn
	pipe  *pgconn.Pipeline // nil: nothing was sent
	waits []wait
	fresh []*statement // prepared in this script
	sent  int          // bytes of parameters since the last flush
}

// wait is an answer that is still to come.
type wait struct {
	statement *statement
	prepares  bool
	rows      int64
	fence     bool // the statement that only the owner's row answers
}

const flushBytes = 32 << 10 // of parameters, so that the server works while we go on

// send sends a statement; rows is how many it has to hit. The parameters may be used again when it returns.
func (s *script) send(ctx context.Context, st *statement, params [][]byte, rows int64) error {
	return s.push(ctx, wait{statement: st, rows: rows}, params)
}

func (s *script) push(ctx context.Context, w wait, params [][]byte) error {
	if s.pipe == nil {
		s.pipe = s.db.pg.StartPipeline(ctx)
	}
	if w.statement.name == "" {
		w.statement.name = s.db.nextName()
		s.fresh = append(s.fresh, w.statement)
		s.pipe.SendPrepare(w.statement.name, w.statement.sql, nil)
		s.waits = append(s.waits, wait{statement: w.statement, prepares: true})
	}
	s.pipe.SendQueryPrepared(w.statement.name, params, nil, nil)
	s.waits = append(s.waits, w)
	for _, p := range params {
		s.sent += len(p)
	}
	if s.sent < flushBytes {
		return nil
	}
	s.sent = 0
	return s.pipe.Flush()
}

// finish waits for all answers; the connection can then be used otherwise. The error is the first one.
func (s *script) finish() (err error) {
	if s.pipe == nil {
		return nil
	}
	err = s.pipe.Sync()
	for i := 0; i < len(s.waits) && err == nil; i++ {
		err = s.answer(&s.waits[i])
	}
	if closed := s.pipe.Close(); err == nil {
		err = closed
	}
	if err != nil {
		for _, st := range s.fresh {
			st.name = "" // it may be there or not
		}
	}
	clear(s.waits)
	clear(s.fresh)
	*s = script{db: s.db, waits: s.waits[:0], fresh: s.fresh[:0]}
	return err
}

func (s *script) answer(w *wait) error {
	result, err := s.pipe.GetResults()
	if err != nil || w.prepares {
		return err
	}
	reader, ok := result.(*pgconn.ResultReader)
	if !ok {
		return fmt.Errorf("read answer: the server sent %T", result)
	}
	tag, err := reader.Close()
	switch n := tag.RowsAffected(); {
	case err != nil:
		return err
	case w.fence && n != 1:
		return sink.ErrFenced
	case w.rows != anyRows && n != w.rows:
		return fmt.Errorf("%w: %d, not %d", errCount, n, w.rows)
	}
	return nil
}

// abort gives up what was sent; the transaction has to be rolled back. It does nothing when the script is finished.
func (s *script) abort() {
	if s.pipe != nil {
		_ = s.finish() // why, is known
	}
}
