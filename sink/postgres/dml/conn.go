package dml

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// closeTimeout bounds the orderly end of a connection.
const closeTimeout = time.Second

// Conn is a connection with its prepared statements. It is used by one goroutine at a time.
type Conn struct {
	PG       *pgconn.PgConn
	prepared int // number of statements so far, for their names
}

// Statement is prepared on the server the first time it is executed.
type Statement struct {
	SQL  string
	Name string // "" when it is not prepared yet
}

// Run executes one or more statements without parameters.
func (c *Conn) Run(ctx context.Context, sql string) error {
	_, err := c.PG.Exec(ctx, sql).ReadAll()
	return err
}

// Query executes a query and returns its rows as text.
func (c *Conn) Query(ctx context.Context, sql string, params ...[]byte) ([][][]byte, error) {
	r := c.PG.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	return r.Rows, r.Err
}

// Exec executes a prepared statement and returns the number of affected rows.
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

// Rollback ends the open transaction, if there is one, even when it has failed.
func (c *Conn) Rollback(ctx context.Context) error {
	if c.PG.TxStatus() == 'I' {
		return nil
	}
	if err := c.Run(ctx, "ROLLBACK"); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

// Close ends the connection. The server rolls back an open transaction.
func (c *Conn) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.PG.Close(ctx) // the server rolls back in any case
}
