package postgres

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
)

// controlConn is the connection next to the stream, for the catalogue and the slot's row. It is opened when it is needed, and
// again after it broke. Any goroutine may use it; calls run one at a time.
type controlConn struct {
	config *Config
	mu     sync.Mutex
	conn   *pgx.Conn
}

// do calls f with the connection. If the connection turns out to be broken, do calls f once more with a new one.
func (c *controlConn) do(ctx context.Context, f func(*pgx.Conn) error) error {
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

func (c *controlConn) open(ctx context.Context) (fresh bool, err error) {
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

func (c *controlConn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_ = c.conn.Close(ctx) // the connection is unusable either way
		c.conn = nil
	}
}
