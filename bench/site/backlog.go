package site

import (
	"context"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/bench/record"
)

// Publication is what every database of the benchmarks publishes.
const Publication = "bench"

// last is a table that gets one row after the backlog: pg_recvlogical ends at once when it sees a position beyond its
// end, and otherwise only when the server is idle.
const last = "last"

// Backlog is WAL to be read.
type Backlog struct {
	*Database
	Tables []string // of the schema public, as far as they get rows
	Rows   int      // changes
	Bytes  int64    // of WAL
	End    string   // an LSN after it; "": none, rows written later count too
}

// String returns a sentence for the tables.
func (b *Backlog) String() string {
	return fmt.Sprintf("A backlog of %s changes, %s MiB of WAL.", record.Count(b.Rows), record.Count(int(b.Bytes>>20)))
}

// Shape describes how to create a backlog.
type Shape struct {
	Tables []string
	Before []string // statements before the slot is created: tables, and rows that are changed later
	Fill   []string // statements that make Rows changes
	Rows   int

	Publish string // of CREATE PUBLICATION, ending with a list of tables; "": FOR ALL TABLES
}

// Base is the slot that is created before a database's backlog. Each run drains a copy of it.
func (d *Database) Base() string { return d.Name }

// Fill creates a backlog in an empty database.
func (d *Database) Fill(ctx context.Context, s Shape) (*Backlog, error) {
	b := &Backlog{Database: d, Tables: append(s.Tables[:len(s.Tables):len(s.Tables)], last), Rows: s.Rows}
	began := time.Now()
	if err := d.Exec(ctx, "SET synchronous_commit = off"); err != nil {
		return nil, err
	}
	if err := d.Exec(ctx, s.Before...); err != nil {
		return nil, err
	}
	publish := "FOR ALL TABLES"
	if s.Publish != "" {
		publish = s.Publish + ", " + last
	}
	if err := d.Exec(ctx, "CREATE TABLE "+last+" (id int PRIMARY KEY)", "CREATE PUBLICATION "+Publication+" "+publish, "CHECKPOINT"); err != nil {
		return nil, err
	}
	if err := d.Slot(ctx, d.Base()); err != nil {
		return nil, err
	}
	if err := d.Exec(ctx, s.Fill...); err != nil {
		return nil, err
	}
	err := d.Row(ctx, `SELECT pg_current_wal_insert_lsn()::text, (pg_current_wal_insert_lsn() - confirmed_flush_lsn)::bigint
		FROM pg_replication_slots WHERE slot_name = $1`, []any{d.Base()}, &b.End, &b.Bytes)
	if err != nil {
		return nil, err
	}
	if err := d.Exec(ctx, "SET synchronous_commit = on", "INSERT INTO "+last+" VALUES (1)", "CHECKPOINT"); err != nil {
		return nil, err
	}
	Say("%s: %s Written in %s.", d.Name, b, time.Since(began).Round(time.Second))
	return b, nil
}

// Read returns how far the walsender of a slot has read in the backlog, in bytes from the beginning of the WAL; 0: there is
// no walsender, or the server did not answer. WAL written after the backlog does not count.
func (b *Backlog) Read(ctx context.Context, slot string) (bytes int64) {
	_ = b.Row(ctx, `SELECT coalesce(max(least(sent_lsn, nullif($2, '')::pg_lsn) - '0/0'), 0)::bigint
		FROM pg_replication_slots s JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE slot_name = $1`, []any{slot, b.End}, &bytes)
	return bytes
}

// Stream creates tables in an empty database for rows written while a tool reads: a backlog without an end, and
// without a slot. Each run creates its own, with Slot.
func (d *Database) Stream(ctx context.Context, s Shape) (*Backlog, error) {
	b, err := d.Fill(ctx, s)
	if err != nil {
		return nil, err
	}
	b.End = ""
	return b, d.DropSlot(ctx, d.Base())
}
