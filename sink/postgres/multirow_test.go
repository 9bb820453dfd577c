package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

// A group of rows that needs more than one statement is written completely, and a row missing from any of them is detected.
func TestMoreRowsThanOneStatementHas(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	r := newRig(t, s, Options{}, "CREATE TABLE people (id int PRIMARY KEY, note text)")
	people := &capture.Table{Schema: "public", Name: "people", Key: []int{0}, Columns: []capture.Column{
		{Name: "id", Type: &capture.Type{Schema: "pg_catalog", Name: "int4"}, Key: true, Identity: true},
		{Name: "note", Type: &capture.Type{Schema: "pg_catalog", Name: "text"}},
	}}
	const n = 2*manyRows + manyRows/2
	lsn := capture.LSN(0x1000)
	change := func(op capture.Op, note string) error {
		lsn += 0x100
		tx := &capture.Tx{LSN: lsn, Time: time.Now()}
		var all []*capture.Change
		for i := range n {
			c := &capture.Change{Tx: tx, Seq: uint64(i), Op: op, Table: people, After: []capture.Value{text1(fmt.Sprint(i)), text1(note)}}
			if op == capture.Delete {
				c.Before, c.After = []capture.Value{c.After[0], {Kind: capture.Absent}}, nil
			}
			all = append(all, c)
		}
		return r.applyBulk(t.Context(), groupOf(all))
	}
	check := func(want string) {
		t.Helper()
		if got := s.Query(t, r.database, "SELECT count(*) || ' ' || coalesce(min(note), '') || coalesce(max(note), '') FROM people"); got != want {
			t.Errorf("there are %q, want %q", got, want)
		}
	}
	for _, step := range []struct {
		op   capture.Op
		note string
	}{{capture.Insert, "a\t\\b"}, {capture.Update, "c"}} {
		if err := change(step.op, step.note); err != nil {
			t.Fatalf("%s: %v", step.op, err)
		}
		check(fmt.Sprint(n, " ", step.note, step.note))
	}
	s.ExecIn(t, r.database, fmt.Sprintf("DELETE FROM people WHERE id = %d", manyRows+7))
	if err := change(capture.Delete, ""); err == nil {
		t.Error("the missing row was not noticed")
	}
	check(fmt.Sprint(n-1, " cc"))
	s.ExecIn(t, r.database, fmt.Sprintf("INSERT INTO people VALUES (%d, 'c')", manyRows+7))
	if err := change(capture.Delete, ""); err != nil {
		t.Fatal(err)
	}
	check("0 ")
}

func text1(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }
