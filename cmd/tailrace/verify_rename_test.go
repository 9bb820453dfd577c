package main

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// A repair finds columns that were renamed without a row in between by their numbers, also where all names are in the replica.
func TestVerifyFollowsRenames(t *testing.T) {
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, testenv.Version(version))
			s.server.ExecIn(t, s.name, "CREATE TABLE notes (id int PRIMARY KEY, body text)",
				"INSERT INTO notes SELECT g, 'n' FROM generate_series(1, 150) g")
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
				return tailraceWith(t, withPassword, "", append([]string{"verify", "-fast", "-table", "public.notes", file}, args...)...)
			}
			waits()
			for _, c := range []struct{ ddl, did string }{
				{"ALTER TABLE notes RENAME body TO text", `RENAME COLUMN "body" TO "text"`},
				{"ALTER TABLE notes RENAME text TO body", `RENAME COLUMN "text" TO "body"`},
				{"ALTER TABLE notes RENAME body TO text", `RENAME COLUMN "body" TO "text"`},
				{"ALTER TABLE notes DROP text; ALTER TABLE notes ADD body text DEFAULT 'b'", `ADD COLUMN "body"`},
				{"ALTER TABLE notes RENAME body TO text; ALTER TABLE notes ADD body text", `RENAME COLUMN "body" TO "text"`},
			} {
				s.server.ExecIn(t, s.name, c.ddl)
				verify("-repair").expect(t, 0, c.did, "")
				verify().expect(t, 0, "public.notes: 150 rows compared, the same", "")
			}
			if code := d.stop(t); code != 0 {
				t.Errorf("exit code %d: %s", code, &d.log)
			}
		})
	}
}
