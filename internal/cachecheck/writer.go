package cachecheck

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/cache/protocol"
)

// Schema creates the table of n rows, with version 0. Rows belong to groups of the given size.
func Schema(n, group int) []string {
	return []string{
		"CREATE TABLE hot (id int PRIMARY KEY, grp int NOT NULL, version bigint NOT NULL)",
		"ALTER TABLE hot REPLICA IDENTITY FULL", // a delete has to carry the group
		fmt.Sprintf("INSERT INTO hot SELECT id, id / %d, 0 FROM generate_series(0, %d) id", group, n-1),
	}
}

// Writer commits new versions of the rows that it alone writes. One goroutine uses it.
type Writer struct {
	history *History
	applied []*Applied
	rows    []int
	last    []int64 // version of each of rows
}

// NewWriters returns n writers that share the rows of a history.
func NewWriters(n int, h *History, applied ...*Applied) []*Writer {
	writers := make([]*Writer, n)
	for i := range writers {
		writers[i] = &Writer{history: h, applied: applied}
	}
	for id := range h.Rows() {
		w := writers[id%n]
		w.rows, w.last = append(w.rows, id), append(w.last, 0)
	}
	return writers
}

// Run commits with a pause in between until stop is closed. An error of the database is final: the outcome of a commit would not be
// known.
func (w *Writer) Run(ctx context.Context, url string, pause time.Duration, stop <-chan struct{}) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		select {
		case <-stop:
			return nil
		case <-time.After(pause):
		}
		if err := w.commit(ctx, conn, rand.IntN(len(w.rows))); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
}

func (w *Writer) commit(ctx context.Context, conn *pgx.Conn, i int) error {
	id := w.rows[i]
	w.last[i]++
	for _, s := range transaction(id, w.last[i]) {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	w.history.returned(id, w.last[i])
	lsn, err := CurrentLSN(ctx, conn)
	for _, a := range w.applied {
		a.expect(id, w.last[i], lsn)
	}
	return err
}

// transaction commits a version in one of the ways in which applications commit: most of the time by itself, else in a subtransaction, or
// in two phases.
func transaction(id int, version int64) []string {
	update := fmt.Sprintf("UPDATE hot SET version = %d WHERE id = %d", version, id)
	switch rand.IntN(20) {
	case 0, 1, 2:
		return []string{"BEGIN; SAVEPOINT inner_part; " + update + "; RELEASE inner_part; COMMIT"}
	case 3:
		return []string{fmt.Sprintf("BEGIN; %s; PREPARE TRANSACTION 'row %d'", update, id), fmt.Sprintf("COMMIT PREPARED 'row %d'", id)}
	}
	return []string{update}
}

// CurrentLSN returns an LSN at or after the end of every commit that has returned.
func CurrentLSN(ctx context.Context, conn *pgx.Conn) (protocol.LSN, error) {
	var lsn int64
	err := conn.QueryRow(ctx, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").Scan(&lsn)
	return protocol.LSN(lsn), err
}
