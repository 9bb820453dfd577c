package postgres

import (
	"testing"

	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
)

// A transaction is seen from its commit on, with the id that its change has in the stream.
func TestReadSnapshot(t *testing.T) {
	everywhere(t, func(s site) {
		c := s.config("public.a")
		reader := New(*c, zaptest.NewLogger(t)).Snapshots()
		defer reader.Close()
		read := func() capture.Snapshot {
			s.Helper()
			snapshot, err := reader.ReadSnapshot(s.Context())
			if err != nil {
				s.Fatal(err)
			}
			return snapshot
		}
		conn := s.control(c)
		tx, err := conn.Begin(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		var xid uint64
		if err := tx.QueryRow(s.Context(), `SELECT pg_current_xact_id()::text::bigint`).Scan(&xid); err != nil {
			s.Fatal(err)
		}
		if read().Shows(xid) {
			s.Error("a transaction in progress is seen")
		}
		if err := tx.Commit(s.Context()); err != nil {
			s.Fatal(err)
		}
		if !read().Shows(xid) || read().Shows(xid+1) {
			s.Errorf("transaction %d: %+v", xid, read())
		}
	})
}

func TestParseSnapshot(t *testing.T) {
	got, err := parseSnapshot("4294967306:4294967316:4294967306,4294967310")
	if err != nil || got.Xmin != 4294967306 || got.Xmax != 4294967316 || len(got.InProgress) != 2 || got.InProgress[1] != 4294967310 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"", "1:2", "a:2:", "1:2:x", "1:2:3:4"} {
		if _, err := parseSnapshot(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
