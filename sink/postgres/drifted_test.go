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

// moods is a table with an enum, as it was before the enum got another label.
var moods = &capture.Table{
	OID: 42, Schema: "public", Name: "moods", Key: []int{0},
	Columns: []capture.Column{
		{Name: "id", Type: &capture.Type{Name: "int4"}, Modifier: -1, Key: true, Identity: true, Number: 1},
		{Name: "m", Modifier: -1, Nullable: true, Number: 2, Type: &capture.Type{
			Schema: "public", Name: "mood", Made: &capture.Made{By: capture.MadeEnum, Labels: []string{"a"}, Modifier: -1},
		}},
	},
}

// writeMood writes one row by a Writer of its own and returns why that failed.
func writeMood(t *testing.T, o postgres.Options, lsn capture.LSN, id, label string) error {
	t.Helper()
	s := newSink(t, o)
	held, failed := make(chan capture.Position, 10), make(chan error, 1)
	w, _, err := s.Open(t.Context(), sink.Lane{
		Name: "main", Origin: sinktest.Origin,
		Held: func(p capture.Position) { held <- p }, Failed: func(err error) { failed <- err },
	})
	if err != nil {
		return err
	}
	defer w.Close()
	text := func(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }
	c := &capture.Change{
		Tx: &capture.Tx{LSN: lsn}, Op: capture.Insert, Table: moods, After: []capture.Value{text(id), text(label)},
	}
	end := capture.Position{LSN: lsn + 8}
	if err := w.Write(t.Context(), []sink.Batch{{Events: []transform.Event{{Change: c}}, End: end, Commit: true}}); err != nil {
		return err
	}
	for {
		select {
		case p := <-held:
			if p.Compare(end) >= 0 {
				return nil
			}
		case err := <-failed:
			return err
		}
	}
}

// A label that the target lacks halts the lane with the SQL, or is added by itself; and no other sink takes the table.
func TestDriftOfATarget(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		database := testenv.NewDatabase(t, s)
		o := postgres.Options{URL: s.URL(database)}
		if err := writeMood(t, o, 0x1000, "1", "a"); err != nil {
			t.Fatal(err)
		}
		p := capture.AsProblem(writeMood(t, o, 0x2000, "2", "b"))
		if p == nil || p.State != "schema_changed" {
			t.Fatalf("%v", p)
		}
		s.ExecIn(t, database, p.Fix)
		if err := writeMood(t, o, 0x2000, "2", "b"); err != nil {
			t.Fatal(err)
		}
		o.AddColumns = true
		if p = capture.AsProblem(writeMood(t, o, 0x3000, "3", "c")); p == nil || p.State != "target_changing" {
			t.Fatalf("%v", p)
		}
		if err := writeMood(t, o, 0x3000, "3", "c"); err != nil {
			t.Fatal(err)
		}
		other := postgres.Options{URL: s.URL(database), Pipeline: "other", Name: "replica"}
		if p = capture.AsProblem(writeMood(t, other, 0x4000, "4", "a")); p == nil || p.State != "table_taken" {
			t.Fatalf("%v", p)
		}
		if got := s.Query(t, database, "SELECT string_agg(id || m::text, ',' ORDER BY id) FROM moods"); got != "1a,2b,3c" {
			t.Errorf("the rows are %s", got)
		}
	})
}
