package dml

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink"
)

// ErrRowCount says that a statement did not hit the rows that it should have: a row of the target is missing, or was
// changed there.
var ErrRowCount = errors.New("a statement has hit another number of rows")

// any number of rows will do.
const AnyRows = -1

// Pipeline is a run of prepared statements that goes to the server in one round trip.
type Pipeline struct {
	DB       *Conn
	head     []Call           // what begins the transaction and was not sent yet
	pg       *pgconn.Pipeline // nil: nothing was sent
	answers  []Call
	prepared []*Statement // prepared in this script
	sent     int          // bytes of parameters since the last flush
	OnIdle   func()       // called when the server has work and we have to wait for it; nil: nothing is to be done
}

// Call is an answer that is still to come.
type Call struct {
	Statement *Statement
	prepares  bool
	Rows      int64
	Fence     bool     // the statement that fails unless the owner's row is ours
	Params    [][]byte // of a statement in head
}

const flushBytes = 32 << 10 // of parameters, so that the server works while we go on

// fenceFailed is the SQLSTATE of a division by zero.
const fenceFailed = pgconnect.DivisionByZero

// Begin says how the transaction begins. It is sent before the first statement, or goes with one that takes it by headSQL;
// params have to stay as they are until then.
func (s *Pipeline) Begin(head ...Call) { s.head = append(s.head[:0], head...) }

// Send sends a statement; rows is how many it has to hit. The parameters may be used again when it returns.
func (s *Pipeline) Send(ctx context.Context, st *Statement, params [][]byte, rows int64) error {
	return s.push(ctx, Call{Statement: st, Rows: rows}, params)
}

func (s *Pipeline) push(ctx context.Context, w Call, params [][]byte) error {
	if len(s.head) > 0 {
		if err := s.sendHead(ctx); err != nil {
			return err
		}
	}
	if s.pg == nil {
		s.pg = s.DB.PG.StartPipeline(ctx)
	}
	if w.Statement.Name == "" {
		w.Statement.Name = s.DB.nextName()
		s.prepared = append(s.prepared, w.Statement)
		s.pg.SendPrepare(w.Statement.Name, w.Statement.SQL, nil)
		s.answers = append(s.answers, Call{Statement: w.Statement, prepares: true})
	}
	s.pg.SendQueryPrepared(w.Statement.Name, params, nil, nil)
	s.answers = append(s.answers, w)
	for _, p := range params {
		s.sent += len(p)
	}
	if s.sent < flushBytes {
		return nil
	}
	s.sent = 0
	return s.pg.Flush()
}

// sendHead sends the head.
func (s *Pipeline) sendHead(ctx context.Context) error {
	head := s.head
	s.head = s.head[len(s.head):]
	for _, w := range head {
		params := w.Params
		w.Params = nil
		if err := s.push(ctx, w, params); err != nil {
			return err
		}
	}
	s.head = head[:0]
	return nil
}

// TakeHead takes the head as statements that one query may begin with; "" when it was sent, or has to be prepared first.
func (s *Pipeline) TakeHead() string {
	var sql strings.Builder
	for _, w := range s.head {
		if len(w.Params) == 0 {
			sql.WriteString(w.Statement.SQL + "; ")
			continue
		}
		if w.Statement.Name == "" {
			return ""
		}
		values := make([]string, len(w.Params))
		for i, p := range w.Params {
			if values[i] = "NULL"; p != nil {
				values[i] = pgconnect.Literal(string(p))
			}
		}
		sql.WriteString("EXECUTE " + w.Statement.Name + "(" + strings.Join(values, ", ") + "); ")
	}
	s.head = s.head[:0]
	return sql.String()
}

// NeedsChecks says whether the answers to come have to be looked at: the server by itself sees nothing wrong with a statement
// that hits no row.
func (s *Pipeline) NeedsChecks() bool {
	for i := range s.answers {
		if s.answers[i].Rows != AnyRows {
			return true
		}
	}
	return false
}

// Finish waits for all answers; the connection can then be used otherwise. The error is the first one.
func (s *Pipeline) Finish(ctx context.Context) (err error) {
	if len(s.head) > 0 {
		err = s.sendHead(ctx)
	}
	if s.pg == nil {
		return err
	}
	if err == nil {
		err = s.pg.Sync()
	}
	if err == nil && s.OnIdle != nil {
		s.OnIdle()
	}
	for i := 0; i < len(s.answers) && err == nil; i++ {
		err = s.answer(&s.answers[i])
	}
	if closed := s.pg.Close(); err == nil {
		err = closed
	}
	if err != nil {
		for _, st := range s.prepared {
			st.Name = "" // it may be there or not
		}
	}
	clear(s.answers)
	clear(s.prepared)
	*s = Pipeline{DB: s.DB, OnIdle: s.OnIdle, head: s.head[:0], answers: s.answers[:0], prepared: s.prepared[:0]}
	return err
}

func (s *Pipeline) answer(w *Call) error {
	result, err := s.pg.GetResults()
	if err != nil || w.prepares {
		return err
	}
	reader, ok := result.(*pgconn.ResultReader)
	if !ok {
		return fmt.Errorf("read answer: the server sent %T", result)
	}
	tag, err := reader.Close()
	switch n := tag.RowsAffected(); {
	case w.Fence && pgconnect.SQLState(err) == fenceFailed:
		return sink.ErrFenced
	case err != nil:
		return err
	case w.Rows != AnyRows && n != w.Rows:
		return fmt.Errorf("%w: %d, not %d", ErrRowCount, n, w.Rows)
	}
	return nil
}

// Abort gives up what was sent; the transaction has to be rolled back. It does nothing when the script is finished.
func (s *Pipeline) Abort() {
	s.head = s.head[:0]
	if s.pg != nil {
		_ = s.Finish(context.Background()) // why, is known
	}
}
