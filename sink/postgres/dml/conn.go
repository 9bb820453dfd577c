package dml

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// closeTimeout bounds the end of a connection in good order.
const closeTimeout = time.Second

// Conn is the one connection of a Writer, with the statements that it has prepared. One goroutine at a time.
type Conn struct {
	PG       *pgconn.PgConn
	prepared int // how many statements, for their names
}

// Statement is prepared on the server the first time that it runs.
type Statement struct {
	SQL  string
	Name string // "": not prepared yet
}

// Run runs SQL without parameters, also several statements.
func (c *Conn) Run(ctx context.Context, sql string) error {
	_, err := c.PG.Exec(ctx, sql).ReadAll()
	return err
}

// Query runs a query once and returns the text of its values.
func (c *Conn) Query(ctx context.Context, sql string, params ...[]byte) ([][][]byte, error) {
	r := c.PG.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	return r.Rows, r.Err
}

// Exec runs a prepared statement and returns how many rows it hit.
func (c *Conn) Exec(ctx context.Context, s *Statement, params [][]byte) (int64, error) {
	if s.Name == "" {
		name := c.nextName()
		if _, err := c.PG.Prepare(ctx, name, s.SQL, nil); err != nil {
			return 0, err
		}
		s.Name = name
	}
	r := c.PG.ExecPrepared(ctx, s.Name, params, nil, nil).Read()
	return r.CommandTag.RowsAffected(), r.Err
}

func (c *Conn) nextName() string {
	c.prepared++
	return "t" + strconv.Itoa(c.prepared)
}

// Rollback ends the transaction that is open, if any, also one that has failed.
func (c *Conn) Rollback(ctx context.Context) error {
	if c.PG.TxStatus() == 'I' {
		return nil
	}
	if err := c.Run(ctx, "ROLLBACK"); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

func (c *Conn) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.PG.Close(ctx) // what it had not committed is gone either way
}
