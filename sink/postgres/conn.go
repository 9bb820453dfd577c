package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// farewell bounds the end of a connection in good order.
const farewell = time.Second

// conn is the one connection of a Writer, with the statements that it has prepared. One goroutine at a time.
type conn struct {
	pg       *pgconn.PgConn
	prepared int // how many statements, for their names
}

// statement is prepared on the server the first time that it runs.
type statement struct {
	sql  string
	name string // "": not prepared yet
}

// run runs SQL without parameters, also several statements.
func (c *conn) run(ctx context.Context, sql string) error {
	_, err := c.pg.Exec(ctx, sql).ReadAll()
	return err
}

// rows runs a query once and returns the text of its values.
func (c *conn) rows(ctx context.Context, sql string, params ...[]byte) ([][][]byte, error) {
	r := c.pg.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	return r.Rows, r.Err
}

// exec runs a prepared statement and returns how many rows it hit.
func (c *conn) exec(ctx context.Context, s *statement, params [][]byte) (int64, error) {
	if s.name == "" {
		name := c.nextName()
		if _, err := c.pg.Prepare(ctx, name, s.sql, nil); err != nil {
			return 0, err
		}
		s.name = name
	}
	r := c.pg.ExecPrepared(ctx, s.name, params, nil, nil).Read()
	return r.CommandTag.RowsAffected(), r.Err
}

func (c *conn) nextName() string {
	c.prepared++
	return "t" + strconv.Itoa(c.prepared)
}

// rollback ends the transaction that is open, if any, also one that has failed.
func (c *conn) rollback(ctx context.Context) error {
	if c.pg.TxStatus() == 'I' {
		return nil
	}
	if err := c.run(ctx, "ROLLBACK"); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

func (c *conn) close() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	_ = c.pg.Close(ctx) // what it had not committed is gone either way
}
