package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

const (
	queryTimeout = "30s" // of a statement on the control connection
	lockTimeout  = "10s" // a publication waits for VACUUM or CREATE INDEX on its table; it blocks no other session meanwhile
)

// control opens a connection for queries and DDL. Statements end after 30 s and wait 10 s for a lock; set these to 0 for a
// copy. The error is a *capture.Problem where a state exists for it, and never contains a secret.
func (c *Config) control(ctx context.Context) (*pgx.Conn, error) {
	pc, err := c.parse()
	if err != nil {
		return nil, err
	}
	pc.RuntimeParams["statement_timeout"] = queryTimeout
	pc.RuntimeParams["lock_timeout"] = lockTimeout
	pc.RuntimeParams["jit"] = "off"
	// pgx.ParseConfig alone makes a usable ConnConfig; the settings of the URL are in pc.
	cc, err := pgx.ParseConfig("")
	if err != nil {
		return nil, fmt.Errorf("prepare connection: %w", err)
	}
	cc.Config = *pc
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, c.connectError(ctx, err)
	}
	if err := pgconnect.Unlimited(ctx, conn.PgConn()); err != nil {
		_ = conn.Close(ctx)
		return nil, problem.Named("prepare connection", err)
	}
	return conn, nil
}

// replication opens a connection to a walsender of the database. It has no time limits: creating a slot waits for every
// running transaction.
func (c *Config) replication(ctx context.Context) (*pgconn.PgConn, error) {
	pc, err := c.parse()
	if err != nil {
		return nil, err
	}
	dialer := pgconnect.Dialer()
	dialer.Control = conn.NarrowWindow
	pc.DialFunc = conn.Dial(dialer)
	pc.RuntimeParams["replication"] = "database"
	pc.RuntimeParams["statement_timeout"] = "0"
	pc.RuntimeParams["lock_timeout"] = "0"
	conn, err := pgconn.ConnectConfig(ctx, pc)
	if err != nil {
		return nil, c.connectError(ctx, err)
	}
	if err := pgconnect.Unlimited(ctx, conn); err != nil {
		_ = conn.Close(ctx)
		return nil, problem.Named("prepare connection", err)
	}
	return conn, nil
}

// makeFailover makes the slot a failover slot.
func (c *Config) makeFailover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, slot.FailoverTime)
	defer cancel()
	repl, err := c.replication(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, repl.Close)
	return slot.MakeFailover(ctx, repl, c.Slot)
}

// parse parses the URL and applies our settings to the result.
func (c *Config) parse() (*pgconn.Config, error) {
	pc, err := pgconnect.Parse(pgconnect.Server{Side: "source", URL: c.URL, Password: c.Password, Application: c.applicationName()})
	if err != nil {
		return nil, err
	}
	pc.DialFunc = conn.Dial(pgconnect.Dialer())
	return pc, nil
}

// applicationName returns our name in the server's views and log. Postgres truncates it to 63 bytes.
func (c *Config) applicationName() string {
	return "tailrace/" + strings.TrimPrefix(c.Slot, "tailrace_")
}

// connectError returns the named problem of a failed connection. It drops the driver's own wrapper, which repeats user and
// database for each address.
func (c *Config) connectError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	refused, err := pgconnect.Refused(err)
	if refused != nil {
		return refused
	}
	if pgconnect.SQLState(err) == "" {
		return pgconnect.Source.Unreachable(err)
	}
	return problem.Named("connect", err)
}

// hangUp closes a connection within a second, even when ctx has ended.
func hangUp(ctx context.Context, end func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = end(ctx)
}
