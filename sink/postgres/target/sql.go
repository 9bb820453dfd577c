package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// quote writes a name as SQL, its parts with dots between.
func quote(parts ...string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(`"` + strings.ReplaceAll(p, `"`, `""`) + `"`)
	}
	return b.String()
}

// list is names as SQL, with commas between.
func list(names []string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(n))
	}
	return b.String()
}

// literal writes a text as SQL, whatever standard_conforming_strings says.
func literal(s string) string {
	if strings.Contains(s, `\`) {
		return `E'` + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + `'`
	}
	return `'` + strings.ReplaceAll(s, `'`, `''`) + `'`
}

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
