package postgres

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// changesOf parses changes such as "update people 1|a@x|note|2", separated by semicolons, with the values of the new or the
// deleted row. "~" is an unchanged value, "-" null; "1>2|..." changes the first column. A "/" ends a transaction.
func changesOf(t *testing.T, text string) (all []*capture.Change) {
	t.Helper()
	tables := map[string]*capture.Table{"people": people, "stock": stock, "events": events.Table, "issued": issued, "nodes": nodes, "seats": seats}
	tx := &capture.Tx{LSN: 0x10000}
	for _, line := range strings.Split(text, ";") {
		op, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if op == "/" {
			tx = &capture.Tx{LSN: tx.LSN + 0x100}
			continue
		}
		name, values, _ := strings.Cut(rest, " ")
		c := &capture.Change{Tx: tx, Seq: uint64(len(all)), Table: tables[name], After: row(values, 1), Before: row(values, 0)}
		full := c.Table == stock || c.Table == events.Table || c.Table == seats
		switch op {
		case "insert":
			c.Before = nil
		case "read":
			c.Op, c.Before = capture.Read, nil
		case "update":
			if c.Op = capture.Update; !full && !strings.Contains(values, ">") {
				c.Before = nil
			}
		case "delete":
			c.Op, c.After = capture.Delete, nil
		case "truncate":
			c.Op, c.After, c.Before = capture.Truncate, nil, nil
		default:
			t.Fatalf("%q", line)
		}
		all = append(all, c)
	}
	return all
}

// row parses the old or the new side of a change's values.
func row(text string, side int) (values []capture.Value) {
	for _, v := range strings.Split(text, "|") {
		if sides := strings.SplitN(v, ">", 2); len(sides) == 2 {
			v = sides[side]
		}
		switch v {
		case "-":
			values = append(values, capture.Value{})
		case "~":
			values = append(values, capture.Value{Kind: capture.Unchanged})
		default:
			values = append(values, capture.Value{Kind: capture.Text, Bytes: []byte(v)})
		}
	}
	return values
}

// conflictCase is a target whose content conflicts with changes.
type conflictCase struct {
	name    string
	there   string // SQL that runs in the target first
	changes string
	state   string // of the lane under "halt"
	reason  string // a part of it
	fix     string // a part of it
	// The result of a query of the tables, with source_wins and with park. "": the lane halts under that policy as well.
	wins, parks string
	query       string
}

const peopleRows = "SELECT coalesce(string_agg(concat_ws('|', id, email, note, score), ' ' ORDER BY id), '') FROM people"

var conflictCases = []conflictCase{
	{
		name: "the key is there", there: "INSERT INTO people VALUES (1, 'theirs', 'x', 1)", changes: "insert people 1|ours|n|2; insert people 2|b|n|3",
		state: "conflict_unique", reason: "insert of public.people (id)=(1) at 0/10000: a row of the target has the value of people_pkey already", fix: `SELECT * FROM "public"."people" WHERE "id" = '1'`, wins: "1|ours|n|2 2|b|n|3", parks: "1|theirs|x|1 2|b|n|3",
	},
	{
		name: "another unique value is there", there: "INSERT INTO people VALUES (7, 'a', 'x', 1)", changes: "insert people 1|a|n|2",
		state: "conflict_unique", reason: "insert of public.people (id)=(1) at 0/10000: a row of the target has the value of people_email_key already", fix: "delete it:\nSELECT * FROM \"public\".\"people\" WHERE \"email\" = 'a';\nor set on_conflict = \"source_wins\"", wins: "1|a|n|2", parks: "7|a|x|1",
	},
	{
		name: "both are there, in two rows", there: "INSERT INTO people VALUES (1, 'z', 'x', 1), (7, 'a', 'x', 1)", changes: "insert people 1|a|n|2",
		state: "conflict_unique", reason: "the value of people_pkey already", fix: `WHERE "id" = '1';`, wins: "1|a|n|2", parks: "1|z|x|1 7|a|x|1",
	},
	{
		name: "an update meets a unique value", there: "INSERT INTO people VALUES (1, 'z', 'x', 1), (7, 'a', 'x', 1)", changes: "update people 1|a|~|2",
		state: "conflict_unique", reason: "update of public.people (id)=(1) at 0/10000: a row of the target has the value of people_email_key", fix: `WHERE "email" = 'a';`, wins: "1|a|x|2", parks: "1|z|x|1 7|a|x|1",
	},
	{
		name: "the row of an update is missing", changes: "update people 1|a|n|2", state: "conflict_missing_row", reason: "update of public.people (id)=(1) at 0/10000: the target has no such row", fix: "put the row back as the source had it; look at what is there:\nSELECT * FROM \"public\".\"people\" WHERE \"id\" = '1';\nor set on_conflict = \"source_wins\"",
		wins: "1|a|n|2", parks: "-",
	},
	{name: "a partial update of a missing row", changes: "update people 1|a|~|2", state: "conflict_missing_row", reason: "update of public.people (id)=(1) at 0/10000: the target has no such row", fix: `WHERE "id" = '1';`, wins: "-", parks: "-"},
	{name: "the row of a delete is missing", changes: "delete people 1|a|n|2", state: "conflict_missing_row", reason: "delete of public.people (id)=(1) at 0/10000: the target has no such row", fix: `WHERE "id" = '1';`, wins: "-", parks: "-"},
	{
		name: "a key changes to one that is there", there: "INSERT INTO people VALUES (1, 'a', 'x', 1), (2, 'b', 'y', 1)",
		changes: "update people 1>2|a|~|2", state: "conflict_unique", reason: "update of public.people (id)=(1) at 0/10000: a row of the target has the value of people_pkey", fix: `WHERE "id" = '2';`, wins: "2|a|x|2", parks: "1|a|x|1 2|b|y|1",
	},
	{
		name: "a row was changed in the target", there: "INSERT INTO stock VALUES (1, 'k', '{}', '1', 'mine')", changes: "update stock 1|k|{}|1|old  >new  ",
		state: "conflict_missing_row", reason: "update of public.stock (shop, sku)=(1, k) at 0/10000: the target has no such row, or it was changed there", fix: `WHERE "shop" = '1' AND "sku" = 'k';`, wins: "1|k|{}|1|new", parks: "1|k|{}|1|mine",
		query: "SELECT concat_ws('|', shop, sku, tags, extra, trim(code)) FROM stock",
	},
	{
		name: "a deleted row was changed", there: "INSERT INTO stock VALUES (1, 'k', '{}', '1', 'mine')", changes: "delete stock 1|k|{}|1|old  ",
		state: "conflict_missing_row", reason: "delete of public.stock (shop, sku)=(1, k) at 0/10000: the target has no such row, or it was changed there", fix: `WHERE "shop" = '1' AND "sku" = 'k';`, wins: "0", parks: "1", query: "SELECT count(*) FROM stock",
	},
	{
		name: "a check", there: "ALTER TABLE people ADD CONSTRAINT positive CHECK (score > 0)", changes: "insert people 1|a|n|-1; insert people 2|b|n|1",
		state: "conflict_check", reason: "insert of public.people (id)=(1) at 0/10000: positive of the target does not let the row in", fix: "ALTER TABLE \"public\".\"people\" DROP CONSTRAINT \"positive\";\nor set on_conflict = \"park\"", parks: "2|b|n|1",
	},
	{
		name: "not null", there: "ALTER TABLE people ALTER note SET NOT NULL", changes: "insert people 1|a|-|1", state: "conflict_check", reason: "column note of the target does not let the row in", fix: `ALTER TABLE "public"."people" ALTER COLUMN "note" DROP NOT NULL;`, parks: "-",
	},
	{
		name: "a foreign key", there: "CREATE TABLE teams (id int PRIMARY KEY); ALTER TABLE people ADD CONSTRAINT team FOREIGN KEY (id) REFERENCES teams",
		changes: "insert people 1|a|n|1", state: "conflict_foreign_key", reason: "insert of public.people (id)=(1) at 0/10000: foreign key team of the target does not hold", fix: "ALTER TABLE \"public\".\"people\" DROP CONSTRAINT \"team\";\nor set constraints = \"deferred\"", parks: "-",
	},
	{
		name: "an exclusion", there: "CREATE TABLE x (y int); ALTER TABLE people ADD CONSTRAINT apart EXCLUDE (note WITH =); INSERT INTO people VALUES (5, 'e', 'n', 1)",
		changes: "insert people 1|a|n|1", state: "conflict_check", reason: "apart of the target does not let the row in", fix: `ALTER TABLE "public"."people" DROP CONSTRAINT "apart";`, parks: "5|e|n|1",
	},
	{
		name: "a trigger", there: `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
			CREATE TRIGGER no BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION no(); INSERT INTO people VALUES (1, 'a', 'x', 1)`,
		changes: "update people 1|a|n|2; insert people 2|b|n|1", state: "conflict_refused", reason: "update of public.people (id)=(1) at 0/10000: the target does not take it", fix: `a trigger, a type or another table's foreign key is in the way`, parks: "1|a|x|1 2|b|n|1",
	},
	{
		name: "a truncate that another table refers to", there: `CREATE TABLE own (p int REFERENCES people); INSERT INTO people VALUES (1, 'a', 'x', 1)`,
		changes: "truncate people; insert people 2|b|n|1", state: "conflict_refused", reason: "truncate of public.people at 0/10000: the target does not take it", fix: `another table's foreign key is in the way`, parks: "1|a|x|1 2|b|n|1",
	},
	{
		name: "a row without a key", there: "INSERT INTO events VALUES (1, 'other', '1')", changes: "delete events 1|a|1", state: "conflict_missing_row", reason: "delete of public.events at 0/10000: the target has no such row, or it was changed there", fix: `set on_conflict = "source_wins"`,
		wins: "1", parks: "1", query: "SELECT count(*) FROM events",
	},
	{
		name: "what follows a parked change", there: "INSERT INTO people VALUES (1, 'theirs', 'x', 1)",
		changes: "insert people 1|ours|n|2; /; update people 1|ours|m|3; insert people 2|b|n|3; /; update people 1>4|ours|k|4; /; update people 4|ours|j|5",
		state:   "conflict_unique", reason: "insert of public.people (id)=(1) at 0/10000: a row of the target has the value of people_pkey already", fix: `WHERE "id" = '1';`, wins: "2|b|n|3 4|ours|j|5", parks: "1|theirs|x|1 2|b|n|3",
	},
}

// TestConflicts creates conflicts and checks the result of each policy: "halt" reports the state and writes nothing of the
// transaction.
func TestConflicts(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	rigs := map[Policy]*rig{}
	for _, policy := range []Policy{Halt, SourceWins, Park} {
		rigs[policy] = newRig(t, s, Options{OnConflict: policy}, "SELECT")
	}
	for _, c := range conflictCases {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			if c.query == "" {
				c.query = peopleRows
			}
			for policy, want := range map[Policy]string{Halt: "", SourceWins: c.wins, Park: c.parks} {
				r := rigs[policy]
				r.recreate(t, s, historyDDL, c.there)
				before := s.Query(t, r.database, c.query)
				err := r.writeAll(t, c.changes)
				got := s.Query(t, r.database, c.query)
				if want != "" {
					if want = strings.TrimPrefix(want, "-"); err != nil || got != want {
						t.Errorf("policy %d: %v\n got %s\nwant %s", policy, err, got, want)
					}
					continue
				}
				checkHalted(t, err, c.state, c.reason, c.fix)
				if got != before {
					t.Errorf("halted, and the rows are %s, before %s", got, before)
				}
			}
		})
	}
}

// recreate empties the database and creates tables.
func (r *rig) recreate(t *testing.T, s *testenv.PostgresServer, ddl ...string) {
	t.Helper()
	s.ExecIn(t, r.database, append([]string{"DROP SCHEMA public CASCADE; CREATE SCHEMA public; DELETE FROM tailrace.parked; DELETE FROM tailrace.tables"}, ddl...)...)
	r.plans = map[*capture.Table]*dml.Plan{}
	if err := r.loadParked(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// writeAll writes each transaction in a group of its own, because folded changes cannot conflict.
func (r *rig) writeAll(t *testing.T, text string) error {
	t.Helper()
	return r.writeList(t, changesOf(t, text))
}

func (r *rig) writeList(t *testing.T, rest []*capture.Change) error {
	t.Helper()
	for len(rest) > 0 {
		n := 1
		for n < len(rest) && rest[n].Tx.LSN == rest[0].Tx.LSN {
			n++
		}
		if err := r.applyBulk(t.Context(), groupOf(rest[:n])); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// A parked change contains everything needed to apply it later. Once it is removed from the table, its row is written again.
func TestParkedChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Oldest)
	r := newRig(t, s, Options{OnConflict: Park}, historyDDL+"; INSERT INTO people VALUES (1, 'a', 'x', 1)")
	write := func(changes string) {
		t.Helper()
		if err := r.loadParked(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.writeAll(t, changes); err != nil {
			t.Fatal(err)
		}
	}
	write(`insert people 1|b"|-|2; /; update people 1>3|b|~|2`)
	got := s.Query(t, r.database, `SELECT string_agg(concat_ws(' ', op, position, seq, source_table, target_schema, key, new_key, before, after,
		reason, sqlstate, constraint_name), E'\n' ORDER BY id) FROM tailrace.parked`)
	want := `insert 0/10000 0 people public ["1"] {"id": "1", "note": null, "email": "b\"", "score": "2"} conflict_unique 23505 people_pkey
update 0/10100 1 people public ["1"] ["3"] {"id": "1", "email": "b", "score": "2"} {"id": "3", "email": "b", "score": "2"} follows`
	if got != want {
		t.Errorf("parked:\n%s\nwant:\n%s", got, want)
	}
	write("insert people 3|c|n|9; insert people 5|e|n|5")
	s.ExecIn(t, r.database, "DELETE FROM tailrace.parked")
	write("insert people 3|d|n|9")
	if rows, want := s.Query(t, r.database, peopleRows), "1|a|x|1 3|d|n|9 5|e|n|5"; rows != want {
		t.Errorf("the rows are %s, want %s", rows, want)
	}
}

// A key loses its index while the sink is running.
func TestKeyThatIsNotUniqueAnyMore(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	r := newRig(t, s, Options{OnConflict: SourceWins}, historyDDL)
	if err := r.writeAll(t, "insert people 1|a|x|1"); err != nil {
		t.Fatal(err)
	}
	s.ExecIn(t, r.database, "ALTER TABLE people DROP CONSTRAINT people_pkey", "INSERT INTO people VALUES (1, 'b', 'y', 1)")
	err := r.writeAll(t, "delete people 1|a|x|1")
	if p := problemOf(err); p == nil || p.State != "conflict_ambiguous" || !strings.Contains(p.Reason, "delete of public.people (id)=(1) at 0/10000: 2 rows of the target have that key") || !strings.Contains(p.Fix, `"id" = '1'`) {
		t.Errorf("got %v", err)
	}
}

// TestReplay writes parked changes whose conflict is gone, and leaves those whose conflict remains.
func TestReplay(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	r := newRig(t, s, Options{OnConflict: Park}, historyDDL+`; INSERT INTO people VALUES (1, 'a', 'x', 1), (2, 'b', 'y', 1);
		INSERT INTO stock VALUES (1, 'k', '{1}', '[]', 'mine'); ALTER TABLE issued ADD CONSTRAINT short CHECK (length(what) < 3)`)
	if err := r.loadParked(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := r.writeAll(t, `insert people 1|c|n|2; /; update people 1|d|~|3; /; update people 1>5|e|~|4; /; insert people 2|q|n|1;
		delete people 2|q|n|1; insert people 3|a|n|1; /; delete people 4|z|z|1; /; update stock 1|k|{1}>{"2,3"}|[]|old  >new  ;
		insert issued 1|long; insert issued 2|ok; /; update issued 2|longer; /; delete events 1|a|[]`)
	if err != nil {
		t.Fatal(err)
	}
	settings := &Settings{URL: config.Secret(r.url)}
	replay := func(applied, waiting, reasons int) {
		t.Helper()
		got, err := settings.Replay(t.Context(), "shop", "replica")
		if err != nil || got.Applied != applied || got.Waiting != waiting || len(got.Reasons) != reasons {
			t.Errorf("%+v, %v; want %d, %d, %d", got, err, applied, waiting, reasons)
		}
	}
	replay(1, 10, 7) // a changed row is not compared again
	s.ExecIn(t, r.database, "DELETE FROM people WHERE id = 1", "ALTER TABLE issued DROP CONSTRAINT short")
	replay(6, 4, 3)
	if got, want := s.Query(t, r.database, peopleRows), "2|b|y|1 3|a|n|1 5|e|n|4"; got != want {
		t.Errorf("people: %s, want %s", got, want)
	}
	if got, want := s.Query(t, r.database, "SELECT string_agg(concat_ws('|', id, what, size), ' ' ORDER BY id) FROM issued"), "1|long|4 2|longer|6"; got != want {
		t.Errorf("issued: %s, want %s", got, want)
	}
	if got, want := s.Query(t, r.database, "SELECT concat_ws('|', tags, code) FROM stock"), `{"2,3"}|new  `; got != want {
		t.Errorf("stock: %s, want %s", got, want)
	}
}
