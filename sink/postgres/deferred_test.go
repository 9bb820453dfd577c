package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/testenv"
)

// lateCase is a target with deferred constraints, and a transaction that violates them.
type lateCase struct {
	name, there, changes string
	state, reason, fix   string // under "halt"
	wins, parks          string // as in conflictCase
	parked               string // the parked changes
	query                string
}

const peopleAndIssued = "SELECT concat((SELECT string_agg(concat_ws('|', id, email), ' ' ORDER BY id) FROM people), ' / ', " +
	"(SELECT string_agg(id::text, ' ' ORDER BY id) FROM issued))"

const parkedChanges = "SELECT coalesce(string_agg(concat_ws(' ', op, source_table, key, reason), '; ' ORDER BY id), '') FROM tailrace.parked"

var lateCases = []lateCase{
	{
		name: "a foreign key, and one that holds in the end", there: "ALTER TABLE people ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES issued DEFERRABLE",
		changes: "insert people 2|b|y|1; insert people 1|a|x|1; insert issued 2|w; insert people 3|c|x|1; update people 2|d|y|1; insert issued 4|w",
		state:   "conflict_foreign_key", reason: "insert of public.people (id)=(1) at ", fix: `ALTER TABLE "public"."people" DROP CONSTRAINT "f"`,
		parks: "2|d / 2 4", parked: `insert people ["1"] conflict_foreign_key; insert people ["3"] conflict_foreign_key`, query: peopleAndIssued,
	},
	{
		name: "several constraints", there: "ALTER TABLE people DROP CONSTRAINT people_email_key, ADD CONSTRAINT u UNIQUE (email) DEFERRABLE, " +
			"ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES issued DEFERRABLE; INSERT INTO issued OVERRIDING SYSTEM VALUE VALUES (7, 'w'); INSERT INTO people VALUES (7, 'c', 'x', 1)",
		changes: "insert people 1|a|x|1; insert people 3|c|y|1; insert issued 3|w; insert people 2|b|y|1; insert issued 2|w",
		state:   "conflict_foreign_key", reason: "insert of public.people (id)=(", fix: `"public"."people"`,
		parks: "2|b 7|c / 2 3 7", parked: `insert people ["1"] conflict_foreign_key; insert people ["3"] conflict_unique`, query: peopleAndIssued,
	},
	{
		name: "rows of a tree that refer to each other", changes: "insert nodes 1|5; insert nodes 2|1; insert nodes 3|3; insert nodes 4|1; delete nodes 9|9; update nodes 4|2",
		there: "CREATE TABLE nodes (id int PRIMARY KEY, up int CONSTRAINT f REFERENCES nodes DEFERRABLE); INSERT INTO nodes VALUES (9, 9), (5, 9)",
		state: "conflict_foreign_key", reason: "delete of public.nodes (id)=(9) at ", fix: `ALTER TABLE "public"."nodes" DROP CONSTRAINT "f"`,
		parks: "1|5 2|1 3|3 4|2 5|9 9|9", parked: `delete nodes ["9"] conflict_foreign_key`,
		query: "SELECT string_agg(concat_ws('|', id, up), ' ' ORDER BY id) FROM nodes",
	},
	{
		name: "a row that others refer to", changes: "insert people 9|z|y|1; delete issued 1|w; insert issued 2|w",
		there: "INSERT INTO issued OVERRIDING SYSTEM VALUE VALUES (1, 'w'); CREATE TABLE own (i int CONSTRAINT g REFERENCES issued DEFERRABLE); INSERT INTO own VALUES (1)",
		state: "conflict_foreign_key", reason: "delete of public.issued (id)=(1) at ", fix: `ALTER TABLE "public"."own" DROP CONSTRAINT "g"`,
		parks: "9|z / 1 2", parked: `delete issued ["1"] conflict_foreign_key`, query: peopleAndIssued,
	},
	{
		name: "a unique value, and two that are exchanged",
		there: "ALTER TABLE people DROP CONSTRAINT people_email_key, ADD CONSTRAINT u UNIQUE (email) DEFERRABLE INITIALLY DEFERRED; " +
			"INSERT INTO people VALUES (1, 'a', 'x', 1), (2, 'b', 'x', 1), (7, 'c', 'x', 1)",
		changes: "update people 1|b|x|1; insert people 3|c|y|1; update people 2|a|x|1; update people 3|c|z|2",
		state:   "conflict_unique", reason: "insert of public.people (id)=(3) at ", fix: `SELECT * FROM "public"."people" WHERE "email" = 'c'`,
		wins: "1|b|x|1 2|a|x|1 3|c|z|2", parks: "1|b|x|1 2|a|x|1 7|c|x|1", parked: `insert people ["3"] conflict_unique; update people ["3"] follows`,
	},
	{
		name: "a constraint trigger", changes: "insert people 1|a|x|1; insert people 2|b|x|1",
		there: `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
			CREATE CONSTRAINT TRIGGER no AFTER INSERT ON people DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION no()`,
		state: "conflict_refused", reason: "a transaction: the target does not take it at its end", fix: "a trigger, a type or another table's foreign key is in the way",
	},
}

// TestLateConflicts finds the changes that violate deferred constraints at the end of the transaction, and applies the policy to
// them.
func TestLateConflicts(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		s := testenv.SharedPostgres(t, version)
		for policy, name := range map[Policy]string{Halt: "halt", SourceWins: "source wins", Park: "park"} {
			r := newRig(t, s, Options{OnConflict: policy, Constraints: Deferred}, "SELECT")
			for _, c := range lateCases {
				t.Run(fmt.Sprintf("%d/%s/%s", version, name, c.name), func(t *testing.T) { r.late(t, s, c, policy) })
			}
		}
	}
}

func (r *rig) late(t *testing.T, s *testenv.PostgresServer, c lateCase, policy Policy) {
	if c.query == "" {
		c.query = peopleRows
	}
	r.recreate(t, s, historyDDL, c.there)
	before := s.Query(t, r.database, c.query)
	err := r.writeAll(t, c.changes)
	got := s.Query(t, r.database, c.query)
	want := map[Policy]string{SourceWins: c.wins, Park: c.parks}[policy]
	if want == "" {
		if checkHalted(t, err, c.state, c.reason, c.fix); got != before {
			t.Errorf("halted, and the rows are %s, before %s", got, before)
		}
		return
	}
	if err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	if parked := s.Query(t, r.database, parkedChanges); policy == Park && parked != c.parked {
		t.Errorf("parked: %s, want %s", parked, c.parked)
	}
}

// The changes of a transaction that arrives in chunks are no longer in memory when it ends: it halts under every policy and
// reports why.
func TestLateConflictOfPieces(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	for _, policy := range []Policy{Halt, SourceWins, Park} {
		r := newRig(t, s, Options{OnConflict: policy, Constraints: Deferred}, historyDDL+"; ALTER TABLE people ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES issued DEFERRABLE")
		if err := r.loadParked(t.Context()); err != nil {
			t.Fatal(err)
		}
		changes := changesOf(t, "insert people 1|a|x|1; insert people 2|b|x|1")
		first, last := groupOf(changes[:1]), groupOf(changes[1:])
		first.Commit = false
		if err := r.apply(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		err := r.apply(t.Context(), last)
		checkHalted(t, err, "conflict_foreign_key", "a transaction: foreign key f of the target does not hold at its end, and which change that is cannot be told, as the transaction is larger than memory",
			`ALTER TABLE "public"."people" DROP CONSTRAINT "f"`)
		if p := problemOf(err); p != nil && !strings.Contains(p.Reason, `Key (id)=(1) is not present in table "issued"`) {
			t.Errorf("the row is not named: %s", p.Reason)
		}
		if err := r.rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Replay reports a parked change that violates a deferred constraint, and identifies the change.
func TestReplayMeetsADeferredConstraint(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	r := newRig(t, s, Options{OnConflict: Park}, historyDDL+"; ALTER TABLE people ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES issued DEFERRABLE INITIALLY DEFERRED")
	if err := r.loadParked(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.writeAll(t, "insert people 1|a|x|1"); err != nil {
		t.Fatal(err)
	}
	got, err := (&Settings{URL: config.Secret(r.url)}).Replay(t.Context(), "shop", "replica")
	if err != nil || got.Waiting != 1 || len(got.Reasons) != 1 || !strings.Contains(got.Reasons[0], "insert of public.people (id)=(1) at ") {
		t.Errorf("%+v, %v", got, err)
	}
}

func checkHalted(t *testing.T, err error, state, reason, fix string) {
	t.Helper()
	var found *conflict
	if !errors.As(err, &found) {
		t.Errorf("no conflict: %v", err)
		return
	}
	p := found.problem()
	if p.State != state || !p.Halted || reason == "" || fix == "" || !strings.Contains(p.Reason, reason) || !strings.Contains(p.Fix, fix) {
		t.Errorf("halted with %v\nfix: %s\nwant %s: %s\nfix: %s", p, p.Fix, state, reason, fix)
	}
}
