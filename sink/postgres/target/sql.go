package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// quote writes a name as SQL, its parts with dots between.
func quote(parts ...string) string { return pgconnect.Ident(parts...) }

// list writes names as SQL, with commas between.
func list(names []string) string { return pgconnect.Idents(names) }

// literal writes a string as SQL.
func literal(s string) string { return pgconnect.Literal(s) }

// ask runs a query that gives one JSON value and decodes it. NULL leaves into as it is.
func ask(ctx context.Context, conn *pgconn.PgConn, into any, sql string, args ...any) error {
	values := make([][]byte, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			values[i] = []byte(s)
			continue
		}
		b, err := json.Marshal(a)
		if err != nil {
			return err
		}
		values[i] = b
	}
	r := conn.ExecParams(ctx, sql, values, nil, nil, nil).Read()
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

// exec runs one statement, by the protocol that takes no second one: expressions come from the source's catalogue.
func exec(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	_, err := conn.ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return err
}

// sqlstate is the code of a server's error, else "".
func sqlstate(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
