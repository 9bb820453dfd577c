package site

import (
	"cmp"
	"context"
	"time"
)

// Base is the slot that stands before a backlog. Each run drains a copy of it.
const Base = "base"

// Publication is what every database of the benchmarks publishes.
const Publication = "bench"

// Backlog is WAL that waits to be read.
type Backlog struct {
	*Database
	Tables []string // of the schema public, as far as they get rows
	Rows   int      // changes
	Bytes  int64    // of WAL
	End    string   // an LSN behind it
}

// Shape says what a backlog is made of.
type Shape struct {
	Tables []string
	Before []string // statements before the slot stands: tables, and rows that are to be changed
	Fill   []string // statements that make Rows changes
	Rows   int

	Publish string // of CREATE PUBLICATION; "" is FOR ALL TABLES
}

// Fill makes a backlog in an empty database.
func (d *Database) Fill(ctx context.Context, s Shape) (*Backlog, error) {
	b := &Backlog{Database: d, Tables: s.Tables, Rows: s.Rows}
	began := time.Now()
	if err := d.Exec(ctx, "SET synchronous_commit = off"); err != nil {
		return nil, err
	}
	if err := d.Exec(ctx, s.Before...); err != nil {
		return nil, err
	}
	if err := d.Exec(ctx, "CREATE PUBLICATION "+Publication+" "+cmp.Or(s.Publish, "FOR ALL TABLES"), "CHECKPOINT"); err != nil {
		return nil, err
	}
	if err := d.Slot(ctx, Base); err != nil {
		return nil, err
	}
	if err := d.Exec(ctx, s.Fill...); err != nil {
		return nil, err
	}
	// pg_recvlogical ends only at a position that is not the last commit's.
	if err := d.Exec(ctx, "SET synchronous_commit = on", "CREATE TABLE done ()", "CHECKPOINT"); err != nil {
		return nil, err
	}
	err := d.Conn.QueryRow(ctx, `SELECT pg_current_wal_flush_lsn()::text, (pg_current_wal_flush_lsn() - confirmed_flush_lsn)::bigint
		FROM pg_replication_slots WHERE slot_name = $1`, Base).Scan(&b.End, &b.Bytes)
	if err != nil {
		return nil, err
	}
	Say("%s: backlog of %d changes, %d MiB of WAL, written in %s", d.Name, b.Rows, b.Bytes>>20, time.Since(began).Round(time.Second))
	return b, nil
}
