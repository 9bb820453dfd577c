package site

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
)

// Transport is how a client connects to Postgres.
type Transport string

// The transports.
const (
	TCP  Transport = "tcp"
	TLS  Transport = "tls" // needs testenv.TLS
	Unix Transport = "unix"
)

// URL returns the address of a database of the site.
func (s *Site) URL(database string, t Transport) string {
	switch t {
	case TLS:
		return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=verify-full&sslrootcert=%s", s.Postgres.Addr(), database, s.Postgres.CAFile)
	case Unix:
		return fmt.Sprintf("postgres://postgres@/%s?host=%s&port=%d&sslmode=disable", database, url.QueryEscape(s.Postgres.DataDir), s.Postgres.Port)
	default:
		return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", s.Postgres.Addr(), database)
	}
}

// Database is a database of its own for one case, with a connection for the harness.
type Database struct {
	Site *Site
	Name string
	conn *pgx.Conn // a context that ends during a statement closes it; see live
}

// NewDatabase creates an empty database. The caller drops it.
func (s *Site) NewDatabase(ctx context.Context, name string) (*Database, error) {
	c, err := s.connect(ctx, "postgres")
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, fmt.Errorf("create database %s: %w", name, err)
	}
	d := &Database{Site: s, Name: name}
	_, err = d.live(ctx)
	return d, err
}

// CopyDatabase creates a copy of a database, which must have no connections: see Release. The caller
// drops it.
func (s *Site) CopyDatabase(ctx context.Context, name, from string) (*Database, error) {
	c, err := s.connect(ctx, "postgres")
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	for _, sql := range []string{"CREATE DATABASE " + name + " TEMPLATE " + from, "CHECKPOINT"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("copy database %s: %w", from, err)
		}
	}
	d := &Database{Site: s, Name: name}
	_, err = d.live(ctx)
	return d, err
}

// Connect opens one more connection, for a goroutine of its own. The caller closes it.
func (d *Database) Connect(ctx context.Context) (*pgx.Conn, error) {
	return d.Site.connect(ctx, d.Name)
}

// Release closes the harness's connection until the next use.
func (d *Database) Release(ctx context.Context) error { return d.conn.Close(ctx) }

// live returns the connection, and reconnects when the previous one was closed during a statement.
func (d *Database) live(ctx context.Context) (_ *pgx.Conn, err error) {
	if d.conn == nil || d.conn.IsClosed() {
		d.conn, err = d.Site.connect(ctx, d.Name)
	}
	return d.conn, err
}

// Row reads the only row of a query.
func (d *Database) Row(ctx context.Context, sql string, args []any, into ...any) error {
	c, err := d.live(ctx)
	if err != nil {
		return err
	}
	return c.QueryRow(ctx, sql, args...).Scan(into...)
}

// URL returns the address of the database.
func (d *Database) URL(t Transport) string { return d.Site.URL(d.Name, t) }

// Exec runs statements one at a time.
func (d *Database) Exec(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		c, err := d.live(ctx)
		if err == nil {
			_, err = c.Exec(ctx, sql)
		}
		if err != nil {
			return fmt.Errorf("%.200s: %w", sql, err)
		}
	}
	return nil
}

// Slot creates a slot at the current position.
func (d *Database) Slot(ctx context.Context, name string) error {
	return d.Exec(ctx, fmt.Sprintf("SELECT pg_create_logical_replication_slot('%s', 'pgoutput')", name))
}

// CopySlot creates a slot at the position of another one.
func (d *Database) CopySlot(ctx context.Context, from, name string) error {
	return d.Exec(ctx, fmt.Sprintf("SELECT pg_copy_logical_replication_slot('%s', '%s')", from, name))
}

// DropSlot terminates the process that uses the slot and drops it. A missing slot is no error.
func (d *Database) DropSlot(ctx context.Context, name string) error {
	for {
		err := d.Exec(ctx, fmt.Sprintf(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
			WHERE slot_name = '%s' AND (active_pid IS NULL OR pg_terminate_backend(active_pid, 10000))`, name))
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("drop slot %s: %w", name, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Sender returns the walsender that serves a slot; 0: none, or the server did not answer.
func (d *Database) Sender(ctx context.Context, slot string) (pid int) {
	_ = d.Row(ctx, "SELECT coalesce(active_pid, 0) FROM pg_replication_slots WHERE slot_name = $1", []any{slot}, &pid)
	return pid
}

// Sent returns how far the walsender of a slot has come in the WAL; End returns where the WAL ends. Both are in bytes.
func (d *Database) Sent(ctx context.Context, slot string) (sent, end int64, err error) {
	err = d.Row(ctx, `SELECT coalesce(max(sent_lsn - '0/0'), 0)::bigint, (pg_current_wal_flush_lsn() - '0/0')::bigint
		FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE slot_name = $1`, []any{slot}, &sent, &end)
	return sent, end, err
}

// Drop removes the database with its slots.
func (d *Database) Drop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	var slots []string
	err := d.Row(ctx, "SELECT coalesce(array_agg(slot_name::text), '{}') FROM pg_replication_slots WHERE database = $1", []any{d.Name}, &slots)
	if err != nil {
		return err
	}
	for _, slot := range slots {
		if err := d.DropSlot(ctx, slot); err != nil {
			return err
		}
	}
	if err := d.conn.Close(ctx); err != nil {
		return err
	}
	c, err := d.Site.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "DROP DATABASE "+d.Name+" WITH (FORCE)"); err != nil {
		return err
	}
	_, err = c.Exec(ctx, "CHECKPOINT") // so that the next case does not write the dirty pages of this one
	return err
}
