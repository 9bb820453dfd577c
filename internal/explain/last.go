package explain

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Source are a source's settings that can read rows.
type Source interface {
	// Read opens a connection that prints values as the stream does. The caller closes it.
	Read(ctx context.Context, pipeline string) (conn *pgconn.PgConn, publication string, err error)
}

// Last returns the row of a table with the highest key. A *shape.Problem as an error tells why there is none.
func Last(ctx context.Context, conn *pgconn.PgConn, t *capture.Table) (shape.Row, error) {
	if len(t.Key) == 0 {
		return nil, &shape.Problem{Summary: fmt.Sprintf("%s has no key, so it has no last row", t), Detail: "Give the row with -row."}
	}
	var names, order []string
	for i := range t.Columns {
		names = append(names, t.Columns[i].Name)
	}
	for _, i := range t.Key {
		order = append(order, pgconnect.Ident(t.Columns[i].Name)+" DESC")
	}
	sql := fmt.Sprintf("SELECT %s FROM %s ORDER BY %s LIMIT 1", pgconnect.Idents(names), pgconnect.Ident(t.Schema, t.Name), strings.Join(order, ", "))
	result := conn.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, fmt.Errorf("read the last row of %s: %w", t, result.Err)
	}
	if len(result.Rows) == 0 {
		return nil, &shape.Problem{Summary: fmt.Sprintf("%s is empty", t), Detail: "Give a row with -row."}
	}
	row := shape.Row{}
	for i, text := range result.Rows[0] {
		row[names[i]] = capture.Value{Kind: capture.Text, Bytes: text}
		if text == nil {
			row[names[i]] = capture.Value{Kind: capture.Null}
		}
	}
	return row, nil
}
