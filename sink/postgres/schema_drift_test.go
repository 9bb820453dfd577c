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

// moods is a table with an enum, before the enum got another label.
var moods = &capture.Table{
	OID: 42, Schema: "public", Name: "moods", Key: []int{0},
	Columns: []capture.Column{
		{Name: "id", Type: &capture.Type{Name: "int4"}, Modifier: -1, Key: true, Identity: true, Number: 1},
		{Name: "m", Modifier: -1, Nullable: true, Number: 2, Type: &capture.Type{
			Schema: "public", Name: "mood", User: &capture.UserType{Kind: capture.UserEnum, Labels: []string{"a"}, Modifier: -1},
		}},
	},
}

func text(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }

// insert returns a transaction of one row.
func insert(table *capture.Table, lsn capture.LSN, values ...string) transform.Event {
	c := &capture.Change{Tx: &capture.Tx{LSN: lsn}, Op: capture.Insert, Table: table}
	for _, v := range values {
		c.After = append(c.After, text(v))
	}
	return transform.Event{Change: c}
}

// write writes events with a new Writer and returns the error.
func write(t *testing.T, o postgres.Options, events ...transform.Event) error {
	t.Helper()
	s := newSink(t, o)
	held, failed := make(chan capture.Position, 10), make(chan error, 1)
	w, progress, err := s.Open(t.Context(), sink.Lane{
		Name: "main", Origin: sinktest.Origin,
		OnDurable: func(p capture.Position) { held <- p }, Failed: func(err error) { failed <- err },
	})
	if err != nil {
		return err
	}
	defer w.Close()
	for len(events) > 0 && events[0].Change.At().Before(progress.Position) {
		events = events[1:]
	}
	end := capture.Position{LSN: events[len(events)-1].Change.Tx.LSN + 8}
	if err := w.Write(t.Context(), []sink.Batch{{Events: events, End: end, Commit: true}}); err != nil {
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

// A label that the target lacks either halts the lane with the SQL that adds it, or is added automatically; no other sink may
// take over the table.
func TestDriftOfATarget(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		database := testenv.NewDatabase(t, s)
		o := postgres.Options{URL: s.URL(database)}
		if err := write(t, o, insert(moods, 0x1000, "1", "a")); err != nil {
			t.Fatal(err)
		}
		p := capture.AsProblem(write(t, o, insert(moods, 0x2000, "2", "b")))
		if p == nil || p.State != "schema_changed" || !strings.Contains(p.Reason, "lacks label b, which public.moods has") || !strings.Contains(p.Fix, "ADD VALUE IF NOT EXISTS 'b'") {
			t.Fatalf("%v", p)
		}
		s.ExecIn(t, database, p.Fix)
		if err := write(t, o, insert(moods, 0x2000, "2", "b")); err != nil {
			t.Fatal(err)
		}
		o.AddColumns = true
		if p = capture.AsProblem(write(t, o, insert(moods, 0x3000, "3", "c"))); p == nil || p.State != "target_changing" {
			t.Fatalf("%v", p)
		}
		if err := write(t, o, insert(moods, 0x3000, "3", "c")); err != nil {
			t.Fatal(err)
		}
		other := postgres.Options{URL: s.URL(database), Pipeline: "other", Name: "replica"}
		if p = capture.AsProblem(write(t, other, insert(moods, 0x4000, "4", "a"))); p == nil || p.State != "table_taken" {
			t.Fatalf("%v", p)
		}
		if got := s.Query(t, database, "SELECT string_agg(id || m::text, ',' ORDER BY id) FROM moods"); got != "1a,2b,3c" {
			t.Errorf("the rows are %s", got)
		}
	})
}

// pairs is a table with a composite type, before an attribute was dropped.
var pairs = &capture.Table{
	OID: 44, Schema: "public", Name: "pairs", Key: []int{0},
	Columns: []capture.Column{
		{Name: "id", Type: &capture.Type{Name: "int4"}, Modifier: -1, Key: true, Identity: true, Number: 1},
		{Name: "p", Modifier: -1, Nullable: true, Number: 2, Type: &capture.Type{
			Schema: "public", Name: "pair", Kind: capture.KindComposite, User: &capture.UserType{Kind: capture.UserComposite, Modifier: -1},
			Fields: []capture.Field{{Name: "x", Type: &capture.Type{Name: "int4"}, Modifier: -1}},
		}},
	},
}

// A row with another shape of a composite type than the target's halts the sink under every policy, and is written after the fix.
func TestOtherShapeOfAType(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		for _, policy := range []postgres.Policy{postgres.Halt, postgres.Park, postgres.SourceWins} {
			database := testenv.NewDatabase(t, s)
			o := postgres.Options{URL: s.URL(database), OnConflict: policy, AddColumns: true}
			if err := write(t, o, insert(pairs, 0x1000, "1", "(1)")); err != nil {
				t.Fatal(err)
			}
			old := insert(pairs, 0x2000, "2", "(2,b)")
			p := capture.AsProblem(write(t, o, old))
			if p == nil || p.State != "schema_changed" || !strings.Contains(p.Reason, "another shape of the composite type of column p") {
				t.Fatalf("policy %d: %v", policy, p)
			}
			s.ExecIn(t, database, p.Fix)
			if err := write(t, o, old); err != nil {
				t.Fatalf("policy %d: %v", policy, err)
			}
			if got := s.Query(t, database, "SELECT string_agg(p, ' ' ORDER BY id) FROM pairs"); got != "(1) (2,b)" {
				t.Errorf("policy %d: the rows are %s", policy, got)
			}
		}
	})
}

// A transaction that expands and contracts (a column is added, filled, and gets the name of one that is dropped) with rows of
// each shape is written by running the fixes exactly as given: each fits the target at that moment.
func TestShapesWithinATransaction(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		shape := func(columns ...string) *capture.Table {
			table := *ids(47, "t")
			table.Columns = table.Columns[:1:1]
			for _, c := range columns {
				table.Columns = append(table.Columns, capture.Column{
					Name: c[:1], Number: int16(c[1] - '0'), Type: &capture.Type{Name: "text"}, Modifier: -1, Nullable: true,
				})
			}
			return &table
		}
		first, wide, last := shape("v2"), shape("v2", "w3"), shape("v3")
		for add, halts := range map[bool]int{false: 2, true: 1} {
			database := testenv.NewDatabase(t, s)
			o := postgres.Options{URL: s.URL(database), AddColumns: add}
			events := []transform.Event{
				insert(first, 0x1000, "1", "old"), insert(wide, 0x2000, "2", "old", "new"), insert(last, 0x2000, "3", "newer"),
			}
			err := write(t, o, events...)
			for ; err != nil; halts-- {
				p := capture.AsProblem(err)
				if p == nil || p.State != "schema_changed" || halts == 0 {
					t.Fatalf("add %t: %v", add, err)
				}
				s.ExecIn(t, database, p.Fix)
				err = write(t, o, events...)
			}
			if halts != 0 {
				t.Errorf("add %t: %d states too few", add, halts)
			}
			got := s.Query(t, database, "SELECT string_agg(concat_ws('-', id, v, v_dropped_2), ' ' ORDER BY id) FROM t")
			if got != "1-old 2-new-old 3-newer" {
				t.Errorf("add %t: the rows are %s", add, got)
			}
		}
	})
}

// A group in which a later transaction has another shape of a table is written up to that transaction: no fix could accept rows
// of both shapes.
func TestRowsBeforeAnotherShape(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		database := testenv.NewDatabase(t, s)
		o := postgres.Options{URL: s.URL(database)}
		shape := func(kind string) *capture.Table {
			return &capture.Table{OID: 43, Schema: "public", Name: "t", Key: []int{0}, Columns: []capture.Column{
				{Name: "id", Type: &capture.Type{Name: "int4"}, Modifier: -1, Key: true, Identity: true, Number: 1},
				{Name: "a", Type: &capture.Type{Name: kind}, Modifier: -1, Nullable: true, Number: 2},
			}}
		}
		older, newer := shape("text"), shape("date")
		events := []transform.Event{
			insert(older, 0x1000, "1", "2026-01-01"), insert(older, 0x2000, "2", "2026-01-02"), insert(newer, 0x3000, "3", "2026-01-03"),
		}
		p := capture.AsProblem(write(t, o, events...))
		if p == nil || p.State != "schema_changed" {
			t.Fatalf("%v", p)
		}
		if got := s.Query(t, database, "SELECT string_agg(id || pg_typeof(a)::text, ',' ORDER BY id) FROM t"); got != "1text,2text" {
			t.Errorf("before the fix: %s", got)
		}
		s.ExecIn(t, database, p.Fix)
		if err := write(t, o, events...); err != nil {
			t.Fatal(err)
		}
		if got := s.Query(t, database, "SELECT string_agg(a::text, ',' ORDER BY id) FROM t"); got != "2026-01-01,2026-01-02,2026-01-03" {
			t.Errorf("after it: %s", got)
		}
	})
}
