package postgres_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

// A first copy that begins anew leaves nothing of the earlier one, also where the source has no rows at all by now. What
// comes after it stays, and rows that are nobody's of ours do too.
func TestFirstCopyOfNothing(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		for name, c := range map[string]struct {
			options postgres.Options
			want    string
		}{
			"replaced":         {want: "3a"},
			"deletes are kept": {options: postgres.Options{KeepDeletes: true}, want: "1a,3a"},
		} {
			t.Run(name, func(t *testing.T) {
				database := testenv.NewDatabase(t, s)
				o := c.options
				o.URL = s.URL(database)
				read := insert(moods, 0xfff, "1", "a")
				read.Change.Op = capture.Read
				writeBatches(t, o, sink.Batch{Events: []transform.Event{read}, End: capture.Position{LSN: 0x1000}, Commit: true, Copied: true})
				if got := s.Query(t, database, "SELECT count(*) FROM moods"); got != "1" {
					t.Fatalf("the first copy: %s rows", got)
				}
				s.ExecIn(t, database, "CREATE TABLE mine AS SELECT 1")
				writeBatches(t, o, sink.Batch{End: capture.Position{LSN: 0x2000}, Commit: true, Copied: true},
					sink.Batch{Events: []transform.Event{insert(moods, 0x2100, "3", "a")}, End: capture.Position{LSN: 0x2108}, Commit: true})
				if got := s.Query(t, database, "SELECT string_agg(id || m::text, ',' ORDER BY id) FROM moods"); got != c.want {
					t.Errorf("the rows are %s, want %s", got, c.want)
				}
				if got := s.Query(t, database, "SELECT count(*) FROM mine"); got != "1" {
					t.Errorf("a table that is not of the source has %s rows", got)
				}
			})
		}
	})
}

// writeBatches writes by a Writer of its own, and waits until it holds them.
func writeBatches(t *testing.T, o postgres.Options, batches ...sink.Batch) {
	t.Helper()
	held, failed := make(chan capture.Position, 10), make(chan error, 1)
	w, _, err := newSink(t, o).Open(t.Context(), sink.Lane{
		Name: "main", Origin: sinktest.Origin,
		Held: func(p capture.Position) { held <- p }, Failed: func(err error) { failed <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case p := <-held:
			if p.Compare(batches[len(batches)-1].End) >= 0 {
				return
			}
		case err := <-failed:
			t.Fatal(err)
		}
	}
}
