package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
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
	head  []wait           // what begins the transaction and was not sent yet
	pipe  *pgconn.Pipeline // nil: nothing was sent
	waits []wait
	fresh []*statement // prepared in this script
	sent  int          // bytes of parameters since the last flush
	idle  func()       // called when the server has work and we have to wait for it; nil: nothing is to be done
}

// wait is an answer that is still to come.
type wait struct {
	statement *statement
	prepares  bool
	rows      int64
	fence     bool     // the statement that fails unless the owner's row is ours
	params    [][]byte // of a statement in head
}

const flushBytes = 32 << 10 // of parameters, so that the server works while we go on

// fenceFailed is the SQLSTATE of a division by zero.
const fenceFailed = pgconnect.DivisionByZero

// begin says how the transaction begins. It is sent before the first statement, or goes with one that takes it by headSQL;
// params have to stay as they are until then.
func (s *script) begin(head ...wait) { s.head = append(s.head[:0], head...) }

// send sends a statement; rows is how many it has to hit. The parameters may be used again when it returns.
func (s *script) send(ctx context.Context, st *statement, params [][]byte, rows int64) error {
	return s.push(ctx, wait{statement: st, rows: rows}, params)
}

func (s *script) push(ctx context.Context, w wait, params [][]byte) error {
	if len(s.head) > 0 {
		if err := s.open(ctx); err != nil {
			return err
		}
	}
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

// open sends the head.
func (s *script) open(ctx context.Context) error {
	head := s.head
	s.head = s.head[len(s.head):]
	for _, w := range head {
		params := w.params
		w.params = nil
		if err := s.push(ctx, w, params); err != nil {
			return err
		}
	}
	s.head = head[:0]
	return nil
}

// headSQL takes the head as statements that one query may begin with; "" when it was sent, or has to be prepared first.
func (s *script) headSQL() string {
	var sql strings.Builder
	for _, w := range s.head {
		if len(w.params) == 0 {
			sql.WriteString(w.statement.sql + "; ")
			continue
		}
		if w.statement.name == "" {
			return ""
		}
		values := make([]string, len(w.params))
		for i, p := range w.params {
			if values[i] = "NULL"; p != nil {
				values[i] = pgconnect.Literal(string(p))
			}
		}
		sql.WriteString("EXECUTE " + w.statement.name + "(" + strings.Join(values, ", ") + "); ")
	}
	s.head = s.head[:0]
	return sql.String()
}

// checked says whether the answers to come have to be looked at: the server by itself sees nothing wrong with a statement
// that hits no row.
func (s *script) checked() bool {
	for i := range s.waits {
		if s.waits[i].rows != anyRows {
			return true
		}
	}
	return false
}

// finish waits for all answers; the connection can then be used otherwise. The error is the first one.
func (s *script) finish(ctx context.Context) (err error) {
	if len(s.head) > 0 {
		err = s.open(ctx)
	}
	if s.pipe == nil {
		return err
	}
	if err == nil {
		err = s.pipe.Sync()
	}
	if err == nil && s.idle != nil {
		s.idle()
	}
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
	*s = script{db: s.db, idle: s.idle, head: s.head[:0], waits: s.waits[:0], fresh: s.fresh[:0]}
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
	case w.fence && pgconnect.SQLState(err) == fenceFailed:
		return sink.ErrFenced
	case err != nil:
		return err
	case w.rows != anyRows && n != w.rows:
		return fmt.Errorf("%w: %d, not %d", errCount, n, w.rows)
	}
	return nil
}

// abort gives up what was sent; the transaction has to be rolled back. It does nothing when the script is finished.
func (s *script) abort() {
	s.head = s.head[:0]
	if s.pipe != nil {
		_ = s.finish(context.Background()) // why, is known
	}
}
