package target

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// quote quotes a qualified name, its parts separated by dots.
func quote(parts ...string) string { return pgconnect.Ident(parts...) }

// list quotes names, separated by commas.
func list(names []string) string { return pgconnect.Idents(names) }

// literal quotes a string constant.
func literal(s string) string { return pgconnect.Literal(s) }

// question is a query that returns one JSON value, which is decoded into the field into. NULL leaves it unchanged.
type question struct {
	what string // what is read, for errors
	into any
	sql  string
	args []any // strings are sent unchanged, other values as JSON
}

// ask runs one query that returns a JSON value.
func ask(ctx context.Context, conn *pgconn.PgConn, into any, sql string, args ...any) error {
	values, err := encode(args)
	if err != nil {
		return err
	}
	return answer(conn.ExecParams(ctx, sql, values, nil, nil, nil), into)
}

// askAll runs all questions in one round trip.
func askAll(ctx context.Context, conn *pgconn.PgConn, questions ...question) error {
	pipe := conn.StartPipeline(ctx)
	err := sendAll(pipe, questions)
	for i := 0; i < len(questions) && err == nil; i++ {
		if err = next(pipe, func(r *pgconn.ResultReader) error { return answer(r, questions[i].into) }); err != nil {
			err = fmt.Errorf("read %s: %w", questions[i].what, err)
		}
	}
	return errors.Join(err, pipe.Close())
}

func sendAll(pipe *pgconn.Pipeline, questions []question) error {
	for _, q := range questions {
		values, err := encode(q.args)
		if err != nil {
			return err
		}
		pipe.SendQueryParams(q.sql, values, nil, nil, nil)
	}
	return pipe.Sync()
}

// next passes the next result of a pipeline to read.
func next(pipe *pgconn.Pipeline, read func(*pgconn.ResultReader) error) error {
	switch r, err := pipe.GetResults(); r := r.(type) {
	case *pgconn.ResultReader:
		return read(r)
	default:
		return cmp.Or(err, fmt.Errorf("a pipeline gave %T where a result was due", r))
	}
}

func encode(args []any) ([][]byte, error) {
	values := make([][]byte, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			values[i] = []byte(s)
			continue
		}
		b, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		values[i] = b
	}
	return values, nil
}

// answer decodes the single value of a result.
func answer(reader *pgconn.ResultReader, into any) error {
	r := reader.Read()
	if r.Err != nil {
		return r.Err
	}
	if len(r.Rows) != 1 || len(r.Rows[0]) != 1 {
		return fmt.Errorf("%d rows where one was asked for", len(r.Rows))
	}
	if r.Rows[0][0] == nil {
		return nil
	}
	return json.Unmarshal(r.Rows[0][0], into)
}

// exec runs one statement with the extended protocol, which rejects a second one: expressions come from the source's catalog.
func exec(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	_, err := conn.ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return err
}

// sqlstate returns the code of a server's error, or "".
func sqlstate(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
