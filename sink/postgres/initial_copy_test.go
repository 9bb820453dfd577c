package postgres_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

// ids returns a table that has only a key.
func ids(oid uint32, name string) *capture.Table {
	return &capture.Table{OID: oid, Schema: "public", Name: name, Key: []int{0}, Columns: []capture.Column{
		{Name: "id", Type: &capture.Type{Name: "int4"}, Modifier: -1, Key: true, Identity: true, Number: 1},
	}}
}

// An initial copy that is restarted removes the rows of the earlier one, even if the source has no rows by now. Rows that arrive
// after it remain, and so do rows that were written by another sink or by no sink. A dropped table causes no error.
func TestFirstCopyOfNothing(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		for name, c := range map[string]struct {
			options postgres.Options
			want    string
		}{
			"replaced":         {want: "3a"},
			"deletes are kept": {options: postgres.Options{KeepDeletes: true}, want: "1a,2a,3a"},
			"the source wins":  {options: postgres.Options{OnConflict: postgres.SourceWins}, want: "1a,2a,3a"},
		} {
			t.Run(name, func(t *testing.T) {
				database := testenv.NewDatabase(t, s)
				o := c.options
				o.URL = s.URL(database)
				read, gone := insert(moods, 0xfff, "1", "a"), insert(ids(43, "gone"), 0xfff, "1")
				read.Change.Op, gone.Change.Op = capture.Read, capture.Read
				writeBatches(t, o, sink.Batch{Events: []transform.Event{read, gone}, End: capture.Position{LSN: 0x1000}, Commit: true, EndsSnapshot: true})
				if got := s.Query(t, database, "SELECT count(*) FROM moods"); got != "1" {
					t.Fatalf("the first copy: %s rows", got)
				}
				writeBatches(t, postgres.Options{URL: o.URL, Pipeline: "shop", Name: "second"},
					sink.Batch{Events: []transform.Event{insert(ids(44, "others"), 0xf00, "1")}, End: capture.Position{LSN: 0xf08}, Commit: true})
				s.ExecIn(t, database, "CREATE TABLE mine AS SELECT 1", "DROP TABLE gone")
				writeBatches(t, o,
					sink.Batch{Events: []transform.Event{insert(moods, 0x1100, "2", "a")}, End: capture.Position{LSN: 0x1108}, Commit: true},
					sink.Batch{End: capture.Position{LSN: 0x2000}, Commit: true, EndsSnapshot: true},
					sink.Batch{Events: []transform.Event{insert(moods, 0x2100, "3", "a")}, End: capture.Position{LSN: 0x2108}, Commit: true})
				if got := s.Query(t, database, "SELECT string_agg(id || m::text, ',' ORDER BY id) FROM moods"); got != c.want {
					t.Errorf("the rows are %s, want %s", got, c.want)
				}
				for _, table := range []string{"mine", "others"} {
					if got := s.Query(t, database, "SELECT count(*) FROM "+table); got != "1" {
						t.Errorf("table %s, which is not of this sink, has %s rows", table, got)
					}
				}
			})
		}
	})
}

// A copy creates all its tables, including empty ones, before it writes a row. A table that cannot be created, or that contains
// rows written by others, gets the same state as with a first row.
func TestTablesOfACopy(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		database := testenv.NewDatabase(t, s)
		o := postgres.Options{URL: s.URL(database)}
		bare := &capture.Table{OID: 45, Schema: "public", Name: "bare"}
		read, blank := insert(ids(43, "few"), 0xfff, "1"), insert(bare, 0xfff)
		read.Change.Op, blank.Change.Op, blank.Change.After = capture.Read, capture.Read, []capture.Value{}
		all := []*capture.Table{read.Change.Table, moods, bare, ids(46, "more"), ids(47, "new")}
		inside, end := capture.Position{LSN: 0xfff, Seq: 1}, capture.Position{LSN: 0x1000}
		first := sink.Batch{Tables: all, End: inside}
		last := sink.Batch{Events: []transform.Event{read, blank}, End: end, Commit: true, EndsSnapshot: true}
		s.ExecIn(t, database, "CREATE TABLE few (id int PRIMARY KEY)", "INSERT INTO few VALUES (7)", "CREATE TABLE mine AS SELECT 1",
			"CREATE TABLE more (id int PRIMARY KEY)", "INSERT INTO more VALUES (8)")
		for _, c := range []struct{ setup, state string }{
			{"", "target_not_empty"},
			{`TRUNCATE "public"."few", "public"."more"; CREATE DOMAIN mood AS text`, "type_taken"},
			{"DROP DOMAIN mood", ""},
		} {
			s.ExecIn(t, database, c.setup)
			err := tryBatches(t, o, first, last)
			if p := capture.AsProblem(err); p == nil && c.state != "" || p != nil && p.State != c.state {
				t.Fatalf("%s: %v, want %s", c.setup, err, c.state)
			} else if c.state == "target_not_empty" && !strings.Contains(p.Fix, `TRUNCATE "public"."few", "public"."more";`) {
				t.Errorf("one fix does not empty both tables: %s", p.Fix)
			}
		}
		const counts = "SELECT (SELECT count(*) FROM few) || ',' || (SELECT count(*) FROM moods) || ',' || (SELECT count(*) FROM bare)"
		if got := s.Query(t, database, counts); got != "1,0,1" {
			t.Errorf("the tables have %s rows, want 1,0,1", got)
		}
		none := sink.Batch{Tables: all, End: capture.Position{LSN: 0x2000}, Commit: true, EndsSnapshot: true}
		writeBatches(t, o, sink.Batch{Events: []transform.Event{insert(moods, 0x1100, "2", "a")}, End: capture.Position{LSN: 0x1108}, Commit: true}, none)
		if got := s.Query(t, database, counts); got != "0,0,0" {
			t.Errorf("after a copy of nothing the tables have %s rows", got)
		}
	})
}

// writeBatches writes batches with a new Writer, and waits until they are durable.
func writeBatches(t *testing.T, o postgres.Options, batches ...sink.Batch) {
	t.Helper()
	if err := tryBatches(t, o, batches...); err != nil {
		t.Fatal(err)
	}
}

// tryBatches is like writeBatches, but returns the error.
func tryBatches(t *testing.T, o postgres.Options, batches ...sink.Batch) error {
	t.Helper()
	held, failed := make(chan capture.Position, 10), make(chan error, 1)
	w, _, err := newSink(t, o).Open(t.Context(), sink.Lane{
		Name: "main", Origin: sinktest.Origin,
		OnDurable: func(p capture.Position) { held <- p }, Failed: func(err error) { failed <- err },
	})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.Write(t.Context(), batches); err != nil {
		return err
	}
	for {
		select {
		case p := <-held:
			if p.Compare(batches[len(batches)-1].End) >= 0 {
				return nil
			}
		case err := <-failed:
			return err
		}
	}
}
