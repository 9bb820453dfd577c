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

// ErrRowCount means that a statement did not affect the rows that it should have: a row of the target is missing, or was
// changed there.
var ErrRowCount = errors.New("statement affected the wrong number of rows")

// AnyRows stands for any number of affected rows.
const AnyRows = -1

// Pipeline sends prepared statements to the server in one round trip.
type Pipeline struct {
	DB       *Conn
	head     []Call           // statements that begin the transaction and are not sent yet
	pg       *pgconn.Pipeline // nil: nothing is sent
	answers  []Call
	prepared []*Statement // prepared since the last Finish
	sent     int          // bytes of parameters since the last flush
	OnIdle   func()       // called before waiting for the server, which is at work; may be nil
}

// Call is one execution of a statement.
type Call struct {
	Statement *Statement
	prepares  bool
	Rows      int64    // that it must affect, or AnyRows
	Fence     bool     // a division by zero in it means that another process owns the sink
	Params    [][]byte // only for Begin
}

// flushBytes is how many bytes of parameters are sent at once, so that the server works while more are added.
const flushBytes = 32 << 10

// fenceFailed is the SQLSTATE with which a fencing statement fails.
const fenceFailed = pgconnect.DivisionByZero

// Begin sets the statements that begin the transaction. They are sent before the next statement, or are taken by TakeHead. Their
// parameters must not be changed until then.
func (s *Pipeline) Begin(head ...Call) { s.head = append(s.head[:0], head...) }

// Send sends a statement, which must affect the given number of rows. The caller may reuse params afterwards.
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

// sendHead sends the statements of Begin.
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

// TakeHead removes the statements of Begin and returns them as SQL to put before another query. It returns "" when they were
// sent already, or are not prepared yet.
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

// NeedsChecks reports whether a result has to be checked before COMMIT: to the server, a statement that affects no row is no
// error.
func (s *Pipeline) NeedsChecks() bool {
	for i := range s.answers {
		if s.answers[i].Rows != AnyRows {
			return true
		}
	}
	return false
}

// Finish waits for all results and returns the first error. Afterwards the connection is free for other uses.
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
			st.Name = "" // it is unknown whether the server has it
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
		return fmt.Errorf("%w: %d, expected %d", ErrRowCount, n, w.Rows)
	}
	return nil
}

// Abort discards the results of what was sent; the caller has to roll back. It does nothing after Finish.
func (s *Pipeline) Abort() {
	s.head = s.head[:0]
	if s.pg != nil {
		_ = s.Finish(context.Background()) // the caller has the first error
	}
}
