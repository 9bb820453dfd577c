package verify

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// query runs one statement with text parameters, whose types Postgres infers, and returns all values as Postgres prints them: a
// cast to text would change some, such as char(n).
func query(ctx context.Context, conn *pgconn.PgConn, sql string, params ...string) ([][][]byte, error) {
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	read := conn.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	return read.Rows, read.Err
}

// scan unmarshals pairs of JSON and a pointer.
func scan(pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		text := pairs[i].([]byte)
		if err := json.Unmarshal(text, pairs[i+1]); err != nil {
			return fmt.Errorf("read %q: %w", text, err)
		}
	}
	return nil
}

// array returns the text of an array of texts.
func array(values []string) string {
	b := []byte{'{'}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		for _, c := range []byte(v) {
			if c == '"' || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
		}
		b = append(b, '"')
	}
	return string(append(b, '}'))
}
