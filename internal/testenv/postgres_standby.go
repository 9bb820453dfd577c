package testenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv/folder"
	"github.com/tailrace/tailrace/internal/testenv/ports"
	"github.com/tailrace/tailrace/internal/testenv/process"
)

// Standby creates a physical standby of a running server from a base backup, and ends it with the test. It streams through a
// physical slot of the primary, StandbyName, under the same application_name, so `synchronous_standby_names` and
// `synchronized_standby_slots` can name it. Before 17 it cannot have the primary's logical slots: see SyncSlot.
func (s *PostgresServer) Standby(t testing.TB, options ...PostgresOption) *PostgresServer {
	t.Helper()
	standby := &PostgresServer{Version: s.Version, hba: s.hba, binaries: s.binaries}
	t.Cleanup(standby.Close)
	for _, option := range options {
		option(standby)
	}
	if err := s.clone(standby); err != nil {
		t.Fatalf("testenv: make a standby of Postgres %d: %v", s.Version, err)
	}
	if err := standby.Start(); err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return standby
}

// StandbyName is the name of a standby's physical slot on the primary, and its application_name there.
const StandbyName = "standby"

// clone sets up the folder of a standby of s.
func (s *PostgresServer) clone(standby *PostgresServer) (err error) {
	if standby.dir, err = folder.New("postgres"); err != nil {
		return err
	}
	standby.DataDir = filepath.Join(standby.dir, "data")
	if err := s.backup(standby.DataDir); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if standby.port, err = ports.Take(); err != nil {
		return err
	}
	standby.Port = standby.port.Number
	conninfo := fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=postgres application_name=%s", s.Port, StandbyName)
	for name, value := range map[string]string{
		"primary_conninfo":             conninfo,
		"primary_slot_name":            StandbyName,
		"hot_standby_feedback":         "on", // slots are not synchronized without it
		"wal_retrieve_retry_interval":  "100ms",
		"synchronous_standby_names":    "", // those of the primary would wait for a standby of this one
		"wal_receiver_status_interval": "1s",
	} {
		Setting(name, value)(standby)
	}
	signal := filepath.Join(standby.DataDir, "standby.signal")
	if err := errors.Join(os.WriteFile(signal, nil, 0o600), folder.Give(signal)); err != nil {
		return err
	}
	return standby.configure()
}

// backup copies the data folder of a running server to a folder that must not exist. It creates the slot StandbyName, which
// keeps the WAL that the copy needs.
func (s *PostgresServer) backup(to string) error {
	ctx, cancel := context.WithTimeout(context.Background(), process.Patience)
	defer cancel()
	conn, err := s.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SELECT pg_create_physical_replication_slot($1, true)", StandbyName); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_backup_start('standby', fast => true)"); err != nil {
		return err
	}
	if err := copyRunning(s.DataDir, to); err != nil {
		return err
	}
	var label string
	if err := conn.QueryRow(ctx, "SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)").Scan(&label); err != nil {
		return err
	}
	file := filepath.Join(to, "backup_label")
	return errors.Join(os.WriteFile(file, []byte(label), 0o600), folder.Give(file))
}

// notBackedUp lists the folders whose content belongs to the copied server. WAL is streamed.
var notBackedUp = []string{"pg_wal/0", "pg_replslot/", "pg_dynshmem/", "pg_notify/", "pg_serial/", "pg_snapshots/", "pg_stat_tmp/", "pg_subtrans/"}

// copyRunning copies the data folder of a server that writes to it: files may disappear meanwhile.
func copyRunning(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != from {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case belongsToServer(name):
			return nil
		case d.IsDir():
			return errors.Join(os.Mkdir(target, 0o700), folder.Give(target))
		case !d.Type().IsRegular() || strings.HasPrefix(name, "postmaster."):
			return nil // a socket, a lock file
		}
		if err := copyFile(path, target); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		return folder.Give(target)
	})
}

// belongsToServer reports whether a file is of no use to a copy of its server.
func belongsToServer(name string) bool {
	return slices.ContainsFunc(notBackedUp, func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// Promote promotes a standby to a primary and waits until it is one.
func (s *PostgresServer) Promote(t testing.TB) {
	t.Helper()
	s.Exec(t, "DO $$ BEGIN IF NOT pg_promote(true, 60) THEN RAISE 'not promoted in time'; END IF; END $$")
}

// CatchUp waits until a standby has replayed everything that its running primary has written so far.
func (s *PostgresServer) CatchUp(t testing.TB, primary *PostgresServer) {
	t.Helper()
	end := primary.Query(t, "postgres", "SELECT pg_current_wal_flush_lsn()")
	s.Until(t, "SELECT pg_last_wal_replay_lsn() >= '"+end+"'")
}

// SyncSlot copies a failover slot of the primary, 17 or newer, to a standby, and waits until it can be used there after a
// promotion. Postgres drops the copy again if it needs more of the WAL or of the catalogue than the standby keeps, so the
// primary's slot has to move on: by its reader or, if it has none, by being advanced here.
func (s *PostgresServer) SyncSlot(t testing.TB, primary *PostgresServer, name string) {
	t.Helper()
	slot := "FROM pg_replication_slots WHERE slot_name = '" + name + "'"
	for deadline := time.Now().Add(process.Patience); ; time.Sleep(100 * time.Millisecond) {
		primary.Exec(t, "SELECT pg_log_standby_snapshot()",
			"SELECT pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn()) "+slot+" AND NOT active")
		s.CatchUp(t, primary)
		s.Exec(t, "SELECT pg_sync_replication_slots()")
		if s.Query(t, "postgres", "SELECT EXISTS (SELECT "+slot+" AND synced AND NOT temporary)") == "true" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("testenv: slot %s is not synchronized after %s\n%s", name, process.Patience, process.LogTail(s.Log()))
		}
	}
}

// Until repeats a query of the database postgres until it returns true.
func (s *PostgresServer) Until(t testing.TB, query string) {
	t.Helper()
	for deadline := time.Now().Add(process.Patience); s.Query(t, "postgres", query) != "true"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("testenv: not true after %s: %s\n%s", process.Patience, query, process.LogTail(s.Log()))
		}
	}
}
