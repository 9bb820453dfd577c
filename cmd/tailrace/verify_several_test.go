package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// A table is compared in the replicas that have it, and is an error only where none has.
func TestVerifyTableOfOneOfSeveralReplicas(t *testing.T) {
	s := openShop(t)
	s.server.ExecIn(t, s.name, "CREATE TABLE items (id int PRIMARY KEY DEFERRABLE, name text)",
		"ALTER TABLE items REPLICA IDENTITY FULL", "INSERT INTO items VALUES (1, 'a'), (2, 'b')")
	reporting := testenv.NewDatabase(t, s.server)
	address := unusedAddress(t)
	text := fmt.Sprintf("daemon {\n  listen = %q\n}\n", address)
	for _, table := range []string{"orders", "items"} {
		text += fmt.Sprintf(`
pipeline %[1]q {
  source "postgres" {
    url      = "postgres://postgres@127.0.0.1:%[2]d/%[3]s"
    password = env("PASSWORD")
    tables   = ["public.%[1]s"]
  }
  sink "postgres" "reporting" {
    url      = "postgres://postgres@127.0.0.1:%[2]d/%[4]s"
    password = env("PASSWORD")
    schema   = %[1]q
  }
}
`, table, s.server.Port, s.name, reporting)
	}
	file := place(t, "replicas.hcl", text)
	d := startDaemon(t, withPassword, address, file)
	for _, pipeline := range []string{"orders", "items"} {
		tailrace(t, "wait", "-pipeline", pipeline, "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
	}
	// Keys that are exchanged, by way of two rows with one key.
	s.server.ExecIn(t, s.name, "UPDATE items SET id = 3 - id", "UPDATE items SET id = id + 1")
	tailrace(t, "wait", "-pipeline", "items", "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
	verify := func(args ...string) result {
		return tailraceWith(t, withPassword, "", append([]string{"verify", "-fast", file}, args...)...)
	}
	for _, table := range []string{"public.orders", "public.items"} {
		r := verify("-table", table)
		r.expect(t, 0, table+": ", "")
		if n := strings.Count(r.out, "the same"); n != 1 {
			t.Errorf("%s is compared %d times: %s", table, n, r.out)
		}
	}
	verify("-table", "public.item").expect(t, 2, "", `no publication has a table "public.item"; did you mean "public.items"?`)
	verify("-table", "public.items", "-sink", "orders/reporting").expect(t, 2, "", `no publication has a table "public.items"`)
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
}
