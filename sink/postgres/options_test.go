package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestOptions(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Oldest)
	for name, c := range map[string]struct {
		options        Options
		there, changes string
		want           string // the rows of people
		state          string // if not empty: the expected halted state
		reason, fix    string
		query          string
	}{
		"deletes are kept, and what comes back is overwritten": {
			options: Options{KeepDeletes: true}, there: "INSERT INTO people VALUES (1, 'a', 'x', 1), (2, 'b', 'y', 1)",
			changes: "delete people 1|a|x|1; delete people 2|b|y|1; insert people 2|c|z|2; /; update people 2>3|c|z|3; insert people 2|b|y|1; " +
				"/; delete people 3|c|z|3; insert people 3|d|w|4; insert people 5|e|-|1; delete people 5|e|-|1; insert people 5|f|-|1",
			want: "1|a|x|1 2|b|y|1 3|d|w|4 5|f|1",
		},
		"truncates are ignored": {
			options: Options{IgnoreTruncate: true}, there: "INSERT INTO people VALUES (1, 'a', 'x', 1)",
			changes: "truncate people; truncate stock; insert people 2|b|y|1", want: "1|a|x|1 2|b|y|1",
		},
		"two tables that refer to each other are truncated at once": {
			there: "ALTER TABLE stock ADD FOREIGN KEY (shop) REFERENCES people; INSERT INTO people VALUES (1, 'a', 'x', 1); " +
				"INSERT INTO stock VALUES (1, 'k')",
			changes: "truncate people; truncate stock; insert people 2|b|y|1", want: "2|b|y|1",
		},
		"a foreign key that is not deferrable is checked at once": {
			options: Options{Constraints: Deferred}, there: "CREATE TABLE teams (id int PRIMARY KEY); ALTER TABLE people ADD FOREIGN KEY (id) REFERENCES teams",
			changes: "insert people 1|a|x|1", state: "conflict_foreign_key", reason: "insert of public.people (id)=(1) at 0/10000: foreign key people_id_fkey",
			fix: `ALTER TABLE "public"."people" DROP CONSTRAINT "people_id_fkey";`,
		},
		"a deferred foreign key that does not hold in the end": {
			options: Options{Constraints: Deferred, OnConflict: SourceWins},
			there:   "CREATE TABLE teams (id int PRIMARY KEY); ALTER TABLE people ADD FOREIGN KEY (id) REFERENCES teams DEFERRABLE",
			changes: "insert people 1|a|x|1", state: "conflict_foreign_key", reason: "insert of public.people (id)=(1) at 0/10000: foreign key people_id_fkey",
			fix: `ALTER TABLE "public"."people" DROP CONSTRAINT "people_id_fkey";`,
		},
		"a deferred foreign key that holds in the end": {
			options: Options{Constraints: Deferred}, there: "ALTER TABLE people ADD FOREIGN KEY (id) REFERENCES issued DEFERRABLE",
			changes: "insert people 1|a|x|1; insert issued 1|w", want: "1|a|x|1",
		},
		"constraints are off": {
			options: Options{Constraints: Off}, there: "CREATE TABLE teams (id int PRIMARY KEY); ALTER TABLE people ADD FOREIGN KEY (id) REFERENCES teams",
			changes: "insert people 1|a|x|1", want: "1|a|x|1",
		},
		"a key that others follow by a cascade is changed, not deleted": {
			there: "CREATE TABLE own (p int REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE); INSERT INTO people VALUES (1, 'a', 'x', 1); " +
				"INSERT INTO own VALUES (1)",
			changes: "update people 1>2|a|x|1", want: "2", query: "SELECT string_agg(p::text, ' ') FROM own",
		},
		"a first copy into an empty table": {changes: "read people 1|a|x|1; read people 2|b|y|1", want: "1|a|x|1 2|b|y|1"},
		"an initial copy over rows of others": {
			there: "INSERT INTO people VALUES (3, 'c', 'z', 1)", changes: "read people 1|a|x|1", state: "target_not_empty",
			reason: `the rows of public.people are to be copied, and the target has some already: in "public"."people"`, fix: `empty it: TRUNCATE "public"."people";`,
		},
		"an initial copy over rows of others, where the source wins": {
			options: Options{OnConflict: SourceWins}, there: "INSERT INTO people VALUES (1, 'c', 'z', 1), (3, 'a', 'z', 1), (4, 'd', 'z', 1)",
			changes: "read people 1|a|x|1; read people 2|b|y|1", want: "1|a|x|1 2|b|y|1 4|d|z|1",
		},
		"an initial copy that begins again": {
			changes: "read people 1|a|x|1; read people 2|b|y|1; /; insert people 4|d|y|1; /; read people 2|a|y|1; read people 3|c|z|1",
			want:    "2|a|y|1 3|c|z|1",
		},
		"updates that change nothing": {
			there:   "INSERT INTO people SELECT n, 'm' || n, 'x', n FROM generate_series(1, 6) n",
			changes: "update people 1|~|~|~; /; update people 2|~|~|~; update people 3|~|~|~; update people 4|~|~|~; update people 5|~|~|~",
			want:    "1|m1|x|1 2|m2|x|2 3|m3|x|3 4|m4|x|4 5|m5|x|5 6|m6|x|6",
		},
		"rows without a key in partitions": {
			there: `DROP TABLE events; CREATE TABLE events (x int4, y text, z json) PARTITION BY LIST (x);
				CREATE TABLE one PARTITION OF events FOR VALUES IN (1); CREATE TABLE two PARTITION OF events FOR VALUES IN (2)`,
			changes: "insert events 1|a|[]; insert events 2|b|[]; insert events 2|b|[]; /; update events 1|a|[]>{}; delete events 2|b|[]",
			want:    "1|a|{} 2|b|[]", query: "SELECT string_agg(concat_ws('|', x, y, z), ' ' ORDER BY x) FROM events",
		},
		"a serialization failure": {
			there: `CREATE SEQUENCE tries; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
				IF pg_catalog.nextval(''public.tries'') < 3 THEN RAISE EXCEPTION ''again'' USING ERRCODE = ''40001''; END IF; RETURN NEW; END';
				CREATE TRIGGER fail BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION fail()`,
			changes: "insert people 1|a|x|1", want: "1|a|x|1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, s, c.options, historyDDL)
			if c.there != "" {
				s.ExecIn(t, r.database, c.there)
			}
			err := r.writeAll(t, c.changes)
			if c.state != "" {
				p := problemOf(err)
				if p == nil || p.State != c.state || !strings.Contains(p.Reason, c.reason) || !strings.Contains(p.Fix, c.fix) || c.reason == "" || c.fix == "" {
					t.Errorf("got %v, want %s: %s; %s", err, c.state, c.reason, c.fix)
				}
				return
			}
			if c.query == "" {
				c.query = peopleRows
			}
			if got := s.Query(t, r.database, c.query); err != nil || got != c.want {
				t.Errorf("%v, rows %s, want %s", err, got, c.want)
			}
		})
	}
}

// TestDeadlock lets another session lock the rows of a group in the opposite order.
func TestDeadlock(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	r := newRig(t, s, Options{}, historyDDL+"; INSERT INTO people VALUES (1, 'a', 'x', 1), (2, 'b', 'y', 1)")
	ctx := context.Background()
	other, err := pgx.Connect(ctx, r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(ctx)
	exec := func(sql string) {
		t.Helper()
		if _, err := other.Exec(ctx, sql); err != nil {
			t.Error(err)
		}
	}
	exec("SET deadlock_timeout = '1min'") // the other session is not the deadlock victim
	exec("BEGIN")
	exec("UPDATE people SET score = 7 WHERE id = 2")
	done := make(chan error)
	go func() {
		done <- r.applyBulk(ctx, groupOf(changesOf(t, "update people 1|a|n|2; update people 2|b|n|2")))
	}()
	for s.Query(t, r.database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == "0" {
		time.Sleep(5 * time.Millisecond)
	}
	exec("UPDATE people SET score = 8 WHERE id = 1")
	exec("COMMIT")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, want := s.Query(t, r.database, peopleRows), "1|a|n|2 2|b|n|2"; got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
	if n := r.logs.FilterMessage("retry a group").Len(); n == 0 {
		t.Error("there was no deadlock: the test shows nothing")
	}
}

// An extension provides the key's type and its equality operator; the index must be used nevertheless.
func TestAKeyOfAnExtensionsType(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	s := testenv.SharedPostgres(t, testenv.Newest)
	r := newRig(t, s, Options{}, `CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE DOMAIN mail AS ext.citext;
		CREATE TABLE people (id ext.citext, email mail, note text, score numeric, PRIMARY KEY (id, email))`)
	citext := &capture.Type{Schema: "ext", Name: "citext", User: &capture.UserType{Kind: capture.UserBase, Extension: "citext"}}
	table := tableOf("people", "id x", "email x", "note text", "score numeric").key(0, 1)
	table.Columns[0].Type = citext
	table.Columns[1].Type = &capture.Type{Schema: "public", Name: "mail", User: &capture.UserType{Kind: capture.UserDomain, Base: citext, Modifier: -1}}
	changes := changesOf(t, "insert people A|m|x|1; insert people B|m|x|1; insert people C|m|x|1; insert people D|m|x|1; /; "+
		"update people A|m|y|1; update people B|m|y|1; update people C|m|y|1; /; delete people D|m|x|1; /; update people A|m|z|1")
	for _, c := range changes {
		c.Table = table
	}
	if err := r.writeList(t, changes); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Query(t, r.database, peopleRows), "A|m|z|1 B|m|y|1 C|m|y|1"; got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
	for _, st := range r.plans[table].Statements {
		if !strings.Contains(st.SQL, " WHERE ") {
			continue // an insert looks up no row
		}
		rows, err := r.db.Query(t.Context(), "EXPLAIN EXECUTE "+st.Name+" ("+strings.Repeat("NULL, ", strings.Count(st.SQL, "$")-1)+"NULL)")
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, row := range rows {
			text += string(row[0]) + "\n"
		}
		if !strings.Contains(text, "Index Cond: ((id OPERATOR(ext.=) ") || !strings.Contains(text, " AND ((email)::ext.citext OPERATOR(ext.=) ") {
			t.Errorf("%s\n%s", st.SQL, text)
		}
	}
}
