package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// ColdBackup stops the server, copies its data folder, starts it again, and returns the path of the copy, which is removed with
// the server.
func (s *PostgresServer) ColdBackup(t testing.TB) string {
	t.Helper()
	s.backups++
	backup := filepath.Join(s.dir, fmt.Sprintf("backup-%d", s.backups))
	s.offline(t, func() error { return copyTree(s.DataDir, backup) })
	return backup
}

// Restore replaces the server's data with a ColdBackup: the same cluster, on the same timeline, in an older or a newer state.
func (s *PostgresServer) Restore(t testing.TB, backup string) {
	t.Helper()
	s.offline(t, func() error { return errors.Join(os.RemoveAll(s.DataDir), copyTree(backup, s.DataDir)) })
}

// offline calls a function on the data folder while the server is stopped.
func (s *PostgresServer) offline(t testing.TB, do func() error) {
	t.Helper()
	for _, step := range []func() error{func() error { return s.Stop(Fast) }, do, s.Start} {
		if err := step(); err != nil {
			t.Fatalf("testenv: %v", err)
		}
	}
}
