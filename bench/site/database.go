package site

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
)

// Transport is how a client comes to Postgres.
type Transport string

// The transports.
const (
	TCP  Transport = "tcp"
	TLS  Transport = "tls" // needs testenv.TLS
	Unix Transport = "unix"
)

// URL leads to a database of the site.
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
	conn *pgx.Conn // a context that ends in the middle of a statement closes it; see live
}

// NewDatabase makes an empty database. The caller drops it.
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

// CopyDatabase makes a database that is the same as another one, which nobody may be connected to: see Release. The caller
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

// Connect makes one more connection, for a goroutine of its own. The caller closes it.
func (d *Database) Connect(ctx context.Context) (*pgx.Conn, error) {
	return d.Site.connect(ctx, d.Name)
}

// Release closes the harness's connection until it is next needed.
func (d *Database) Release(ctx context.Context) error { return d.conn.Close(ctx) }

// live is the connection, anew when the last one was given up with its statement.
func (d *Database) live(ctx context.Context) (_ *pgx.Conn, err error) {
	if d.conn == nil || d.conn.IsClosed() {
		d.conn, err = d.Site.connect(ctx, d.Name)
	}
	return d.conn, err
}

// Row reads the one row of a query.
func (d *Database) Row(ctx context.Context, sql string, args []any, into ...any) error {
	c, err := d.live(ctx)
	if err != nil {
		return err
	}
	return c.QueryRow(ctx, sql, args...).Scan(into...)
}

// URL leads to the database.
func (d *Database) URL(t Transport) string { return d.Site.URL(d.Name, t) }

// Exec runs statements one by one.
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

// Slot makes a slot that stands here.
func (d *Database) Slot(ctx context.Context, name string) error {
	return d.Exec(ctx, fmt.Sprintf("SELECT pg_create_logical_replication_slot('%s', 'pgoutput')", name))
}

// CopySlot makes a slot that stands where another one does.
func (d *Database) CopySlot(ctx context.Context, from, name string) error {
	return d.Exec(ctx, fmt.Sprintf("SELECT pg_copy_logical_replication_slot('%s', '%s')", from, name))
}

// DropSlot ends who holds the slot and drops it. A slot that is not there is no error.
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

// Sender is the walsender that holds a slot; 0: none, or the server did not say.
func (d *Database) Sender(ctx context.Context, slot string) (pid int) {
	_ = d.Row(ctx, "SELECT coalesce(active_pid, 0) FROM pg_replication_slots WHERE slot_name = $1", []any{slot}, &pid)
	return pid
}

// Sent is how far the walsender of a slot has come in the WAL, and End is where that ends, both in bytes.
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
	_, err = c.Exec(ctx, "CHECKPOINT") // the next case does not write out what this one has left
	return err
}
