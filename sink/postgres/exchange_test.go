package postgres

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// seats has a key and a unique column whose constraints the source checks at the end of a transaction.
var seats = tableOf("seats", "id int4", "who text", "note text").full().late("id").late("who").key(0)

func (s shape) late(columns ...string) shape {
	s.Deferrable = append(s.Deferrable, columns)
	return s
}

// Rows exchange their keys and unique values, so that two rows temporarily have the same one. Written by key alone, one of them
// would be lost silently.
func TestRowsThatExchangeTheirKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
	const (
		made = "SELECT" // the sink creates the table
		rows = "SELECT string_agg(concat_ws('|', id, who, note), ' ' ORDER BY id) FROM seats"
		set  = "insert seats 1|a|x; insert seats 2|b|x; insert seats 3|c|x; "
	)
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		s := testenv.SharedPostgres(t, version)
		for _, c := range []struct {
			name, there, changes, want string
			policy                     Policy
			state, reason, fix         string
		}{
			{name: "two keys", there: made, changes: set + "/; update seats 1>2|a|x; update seats 2>1|b|x; update seats 3|c|x>y", want: "1|b|x 2|a|x 3|c|y"},
			{name: "all move on", there: made, changes: set + "/; update seats 1>2|a|x; update seats 2>3|b|x; update seats 3>4|c|x", want: "2|a|x 3|b|x 4|c|x"},
			{name: "a new row first", there: made, changes: set + "/; insert seats 1|d|x; delete seats 1|a|x", want: "1|d|x 2|b|x 3|c|x"},
			{
				name: "two unique values", there: "CREATE TABLE seats (id int PRIMARY KEY DEFERRABLE, who text UNIQUE DEFERRABLE, note text)",
				changes: set + "/; update seats 1|a>b|x; update seats 2|b>a|x; update seats 3>1|c|x; update seats 1>3|b|x", want: "1|c|x 2|a|x 3|b|x",
			},
			{
				name: "a table of the target's own", there: "CREATE TABLE seats (id int PRIMARY KEY, who text, note text)", changes: set + "/; update seats 1>2|a|x; update seats 2>1|b|x",
				state: "conflict_unique", reason: "update of public.seats (id)=(1) at 0/10100+3: a row of the target has the value of seats_pkey already",
				fix: `ALTER TABLE "public"."seats" DROP CONSTRAINT "seats_pkey", ADD CONSTRAINT "seats_pkey" PRIMARY KEY ("id") DEFERRABLE INITIALLY DEFERRED;`,
			},
			{
				name: "a table of the target's own, where the source wins", there: "CREATE TABLE seats (id int PRIMARY KEY, who text, note text)", changes: set + "/; update seats 1>2|a|x; update seats 2>1|b|x",
				policy: SourceWins, state: "conflict_unique", reason: "update of public.seats (id)=(1) at 0/10100+3",
				fix: "rows of the source may exchange these values within a transaction: let the target do so, too, and the conflict may be none:\nALTER TABLE",
			},
			{
				name: "an index of the target's own", there: "CREATE TABLE seats (id int PRIMARY KEY DEFERRABLE, who text, note text); CREATE UNIQUE INDEX w ON seats (who)",
				changes: set + "/; update seats 1|a>b|x; update seats 2|b>a|x", state: "conflict_unique", reason: "the value of w already",
				fix: `DROP INDEX "public"."w";` + "\n" + `ALTER TABLE "public"."seats" ADD CONSTRAINT "w" UNIQUE ("who") DEFERRABLE INITIALLY DEFERRED;`,
			},
			{
				name: "a row is in the way", there: "CREATE TABLE seats (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, who text UNIQUE DEFERRABLE, note text); INSERT INTO seats VALUES (4, 'z', 'theirs')",
				changes: set + "/; update seats 1>2|a|x; update seats 2>1|b|x; update seats 3>4|c|x", state: "conflict_unique",
				reason: "update of public.seats (id)=(3) at 0/10100", fix: `SELECT * FROM "public"."seats" WHERE "id" = '4';`,
			},
			{
				name: "a row is in the way, and goes", there: "CREATE TABLE seats (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, who text UNIQUE DEFERRABLE, note text); INSERT INTO seats VALUES (4, 'z', 'theirs')",
				changes: set + "/; update seats 1>2|a|x; update seats 2>1|b|x; update seats 3>4|c|x", policy: SourceWins, want: "1|b|x 2|a|x 4|c|x",
			},
			{
				name: "a row was changed", there: made, changes: set + "/; update seats 2|b|y>z; delete seats 3|c|y", policy: SourceWins, want: "1|a|x 2|b|z",
			},
		} {
			t.Run(fmt.Sprintf("%d/%s", version, c.name), func(t *testing.T) {
				r := newRig(t, s, Options{OnConflict: c.policy}, c.there)
				err := r.writeAll(t, c.changes)
				if c.state != "" {
					checkHalted(t, err, c.state, c.reason, c.fix)
					return
				}
				if got := s.Query(t, r.database, rows); err != nil || got != c.want {
					t.Errorf("%v\n got %s\nwant %s", err, got, c.want)
				}
			})
		}
	}
}
