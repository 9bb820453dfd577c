package postgres

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
)

var plainTable = &capture.Table{
	OID: 1, Schema: "public", Name: "plain", Key: []int{0}, Columns: []capture.Column{
		{Name: "id", Type: &capture.Type{Schema: "pg_catalog", Name: "int8"}, Key: true, Identity: true},
		{Name: "v", Type: &capture.Type{Schema: "pg_catalog", Name: "text"}},
	},
}

// plainRows returns changes of rows starting at an id, in transactions of size rows.
func plainRows(op capture.Op, from, rows, size int) (changes []*capture.Change) {
	var tx *capture.Tx
	for i := range rows {
		if i%size == 0 {
			tx = &capture.Tx{LSN: capture.LSN(0x1000 + 16*(from+i))}
		}
		c := &capture.Change{Tx: tx, Seq: uint64(i), Op: op, Table: plainTable, After: []capture.Value{
			{Kind: capture.Text, Bytes: fmt.Append(nil, from+i)}, {Kind: capture.Text, Bytes: []byte(op.String())},
		}}
		if op == capture.Delete {
			c.Before, c.After = c.After, nil
		}
		changes = append(changes, c)
	}
	return changes
}

const plainState = "SELECT count(*) || ' ' || count(*) FILTER (WHERE v = 'insert') FROM plain"

// A group whose COMMIT is pipelined commits nothing when another writer owns the progress row by then: neither with COPY, nor
// with statements, nor when row counts are checked.
func TestFencedCommitsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		s := testenv.SharedPostgres(t, version)
		r := newRig(t, s, Options{}, "CREATE TABLE plain (id int8 PRIMARY KEY, v text)")
		for _, rows := range []int{1, 10, 100} { // every kind of statement is prepared
			if err := r.applyBulk(t.Context(), groupOf(plainRows(capture.Insert, rows, rows, 1))); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.Query(t, r.database, plainState); got != "111 111" {
			t.Fatalf("%d: rows: %s", version, got)
		}
		s.ExecIn(t, r.database, "UPDATE tailrace.progress SET owner = 'another'")
		for name, changes := range map[string][]*capture.Change{
			"one insert": plainRows(capture.Insert, 1000, 1, 1), "ten inserts": plainRows(capture.Insert, 1000, 10, 1),
			"copy": plainRows(capture.Insert, 1000, 100, 1), "copy of one transaction": plainRows(capture.Insert, 1000, 100, 100),
			"one update": plainRows(capture.Update, 100, 1, 1), "updates": plainRows(capture.Update, 100, 50, 1),
		} {
			if err := r.applyBulk(t.Context(), groupOf(changes)); !errors.Is(err, sink.ErrFenced) {
				t.Errorf("%d: %s: %v", version, name, err)
			}
			if r.db.PG.TxStatus() != 'I' {
				t.Errorf("%d: %s: a transaction is open", version, name)
			}
		}
		if got := s.Query(t, r.database, plainState); got != "111 111" {
			t.Errorf("%d: rows: %s", version, got)
		}
	}
}

// A missing row is detected before the COMMIT, even if a COPY follows that carries the COMMIT.
func TestMissingRowCommitsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	r := newRig(t, s, Options{}, "CREATE TABLE plain (id int8 PRIMARY KEY, v text)")
	if err := r.applyBulk(t.Context(), groupOf(plainRows(capture.Insert, 0, 100, 1))); err != nil {
		t.Fatal(err)
	}
	position := s.Query(t, r.database, "SELECT position FROM tailrace.progress")
	for name, op := range map[string]capture.Op{"update": capture.Update, "delete": capture.Delete} {
		for _, missing := range []int{1, 10} {
			for _, inserts := range []int{1, 10, 100} { // one statement per row, one for all rows, COPY
				changes := append(plainRows(op, 5000, missing, 200), plainRows(capture.Insert, 1000, inserts, 200)...)
				for _, c := range changes {
					c.Tx = changes[0].Tx // one transaction: nothing of it may remain
				}
				var c *conflict
				err := r.applyBulk(t.Context(), groupOf(changes))
				if !errors.As(err, &c) || c.problem().State != "conflict_missing_row" {
					t.Errorf("%d, %s, %d inserts: %v", missing, name, inserts, err)
				}
				if got := s.Query(t, r.database, plainState); got != "100 100" {
					t.Errorf("%d, %s, %d inserts: rows: %s", missing, name, inserts, got)
				}
				if got := s.Query(t, r.database, "SELECT position FROM tailrace.progress"); got != position {
					t.Errorf("%d, %s, %d inserts: the position went from %s to %s", missing, name, inserts, position, got)
				}
			}
		}
	}
}
