package ddl

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestDDLFaultsAreSeen alters a correct replica and expects the stage to detect it.
func TestDDLFaultsAreSeen(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := build(t)
	for name, c := range map[string]struct {
		sql, class, detail string
		after              Program
	}{
		"a row is missing":            {sql: "DELETE FROM t WHERE id = 2", class: Silent, detail: "public.t: 2 rows in the source, 1 in the replica"},
		"a value is another one":      {sql: "UPDATE t SET v = 'c' WHERE id = 2", class: Silent, detail: "id=2 v=c"},
		"a row is there once more":    {sql: "INSERT INTO t VALUES (3, 'b')", class: Silent, detail: "id=3 v=b"},
		"a column is missing":         {sql: "ALTER TABLE t DROP COLUMN v", class: Silent, detail: `column "v" does not exist`},
		"an empty table is missing":   {sql: "DROP TABLE e", class: Silent, detail: `relation "public.e" does not exist`},
		"the fix cannot be executed":  {sql: "ALTER TABLE t ADD UNIQUE (v); UPDATE t SET v = 'd' WHERE id = 1", after: Program{update}, class: Stuck, detail: "nothing in the fix can be executed: conflict_unique"},
		"the fix sets on_conflict":    {sql: "DELETE FROM t", after: Program{update}},
		"the statement is wrong":      {after: Program{{Verb: Do, Statements: []string{"UPDATE nothing SET id = 1"}}}, class: Refused, detail: "nothing"},
		"the daemon ends with a kill": {after: Program{{Verb: Kill}}, class: DaemonDied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, binary, testenv.Newest)
			s.Looks = time.Second // these have no state
			p, err := Parse("do CREATE TABLE t (id int PRIMARY KEY, v text)\ndo INSERT INTO t VALUES (1, 'a'), (2, 'b')\n" +
				"do CREATE TABLE e (id int PRIMARY KEY)\nstart\nsettle\n")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Run(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if c.sql != "" {
				if _, err := s.target.Exec(t.Context(), c.sql); err != nil {
					t.Fatal(err)
				}
			}
			err = s.actions(t.Context(), append(c.after, Action{Verb: Settle}))
			if c.class == "" && err == nil {
				return
			}
			var f *Fault
			if !errors.As(err, &f) || f.Class != c.class || !strings.Contains(err.Error(), c.detail) {
				t.Errorf("have %v, want %s with %q", err, c.class, c.detail)
			}
		})
	}
}

var update = Action{Verb: Do, Statements: []string{"UPDATE t SET v = 'd' WHERE id = 2"}}

// A daemon may be taken over before it has read its file.
func TestDDLTakeover(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := build(t)
	for _, version := range versions {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			p, err := Parse("do CREATE TABLE t (id int PRIMARY KEY, v text)\ndo INSERT INTO t VALUES (1, 'a'), (2, 'b')\n" +
				"start\nkill\nstart\ntakeover\nkill\nstart\ntakeover\ndo INSERT INTO t VALUES (3, 'c')\nsettle\n")
			if err != nil {
				t.Fatal(err)
			}
			if err := newStage(t, binary, version).Run(t.Context(), p); err != nil {
				t.Error(err)
			}
		})
	}
}
