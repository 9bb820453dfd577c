package postgres

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
)

// sideConn is the connection beside the stream, for the catalogue and the slot's row. It is opened when it is needed and
// anew after it broke. Any goroutine may use it; one at a time does.
type sideConn struct {
	config *Config
	mu     sync.Mutex
	conn   *pgx.Conn
}

// do calls f with the connection. A call that finds it broken is made once more with a new one.
func (c *sideConn) do(ctx context.Context, f func(*pgx.Conn) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err = f(c.conn); err == nil || !c.conn.IsClosed() || fresh || ctx.Err() != nil {
		return err
	}
	if _, err = c.open(ctx); err != nil {
		return err
	}
	return f(c.conn)
}

func (c *sideConn) open(ctx context.Context) (fresh bool, err error) {
	if c.conn != nil && !c.conn.IsClosed() {
		return false, nil
	}
	conn, err := c.config.control(ctx)
	if err != nil {
		return false, err
	}
	c.conn = conn
	return true, nil
}

func (c *sideConn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		_ = c.conn.Close(ctx) // it is gone either way
		c.conn = nil
	}
}
