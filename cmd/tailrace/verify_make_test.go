package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// The first copy makes all tables, and what the replica lacks later is named with the command that makes it.
func TestVerifyMakesWhatIsMissing(t *testing.T) {
	s := openShop(t)
	s.server.ExecIn(t, s.name, "CREATE TABLE notes (id int PRIMARY KEY, body text)", "INSERT INTO notes SELECT g, 'n' FROM generate_series(1, 1500) g",
		"CREATE TABLE nothing (id int PRIMARY KEY, v text)", "CREATE TYPE mood AS ENUM ('a')")
	reporting := testenv.NewDatabase(t, s.server)
	address := unusedAddress(t)
	file := place(t, "replica.hcl", fmt.Sprintf(`
daemon {
  listen = %q
}
pipeline "shop" {
  source "postgres" {
    url      = "postgres://postgres@127.0.0.1:%[2]d/%[3]s"
    password = env("PASSWORD")
    tables   = ["public.*"]
  }
  sink "postgres" "reporting" {
    url      = "postgres://postgres@127.0.0.1:%[2]d/%[4]s"
    password = env("PASSWORD")
    schema   = "shop"
  }
}
`, address, s.server.Port, s.name, reporting))
	d := startDaemon(t, withPassword, address, file)
	waits := func() {
		t.Helper()
		tailrace(t, "wait", "-pipeline", "shop", "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
	}
	verify := func(args ...string) result {
		return tailraceWith(t, withPassword, "", append([]string{"verify", "-fast", file}, args...)...)
	}
	waits()
	verify().expect(t, 0, "public.nothing: 0 rows compared, the same", "")

	s.server.ExecIn(t, s.name, "ALTER TABLE orders ADD weight float8 DEFAULT random()")
	s.server.ExecIn(t, reporting, "DROP TABLE shop.notes", "CREATE DOMAIN shop.mood AS text")
	found := verify()
	found.expect(t, 1, "public.notes  no_table  the replica has no table shop.notes", "")
	found.expect(t, 1, `public.orders  no_column  shop.orders lacks "weight"`, "")
	commands := regexp.MustCompile(`to create it: tailrace (.*)`).FindAllStringSubmatch(found.out, -1)
	if len(commands) != 2 {
		t.Fatalf("%d commands in %s", len(commands), found.out)
	}
	for _, c := range commands {
		tailraceWith(t, withPassword, "", strings.Split(strings.ReplaceAll(c[1], "'", ""), " ")...).expect(t, 0, "repaired", "")
	}
	again := verify()
	again.expect(t, 0, "public.notes: 1500 rows compared, the same", "")
	again.expect(t, 0, "public.orders: 3 rows compared, the same", "")

	// A type that stores all values may be an operator's choice; any other is named, although the rows are printed the same.
	s.server.ExecIn(t, reporting, "ALTER TABLE shop.orders ALTER weight TYPE text", "ALTER TABLE shop.notes ALTER id TYPE smallint")
	verify().expect(t, 1, "public.notes  types  id is integer in the source and smallint in the replica\npublic.notes: 1500 rows compared, 1 difference", "")
	narrow := verify("-repair")
	narrow.expect(t, 1, "public.orders: 3 rows compared, the same", "")
	fix := regexp.MustCompile(`(?m)^ALTER TABLE "shop"."notes".*;$`).FindString(narrow.out)
	s.server.ExecIn(t, reporting, fix)
	verify().expect(t, 0, "public.notes: 1500 rows compared, the same", "")

	s.server.ExecIn(t, s.name, "UPDATE notes SET body = 'm' WHERE id < 9", "UPDATE orders SET weight = 1 WHERE id = 1", "INSERT INTO nothing VALUES (1, 'v')")
	waits()
	verify().expect(t, 0, "public.nothing: 1 row compared, the same", "")

	s.server.ExecIn(t, s.name, "ALTER TABLE nothing ADD m mood")
	verify("-repair").expect(t, 1, `and it cannot be made: type_taken: type "shop"."mood" of the target is not what public.mood is`, "")
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
}
