package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// A replica is created, verified, damaged, compared and repaired.
func TestVerify(t *testing.T) {
	s := openShop(t)
	reporting := testenv.NewDatabase(t, s.server)
	address := unusedAddress(t)
	file := place(t, "replica.hcl", fmt.Sprintf(`
daemon {
  listen = %q
}
pipeline "orders" {
  source "postgres" {
    url      = "postgres://postgres@127.0.0.1:%d/%s"
    password = env("PASSWORD")
    tables   = ["public.orders"]
  }
  sink "postgres" "reporting" {
    url      = "postgres://postgres@127.0.0.1:%d/%s"
    password = env("PASSWORD")
    schema   = "shop"
  }
}
`, address, s.server.Port, s.name, s.server.Port, reporting))
	tailraceWith(t, withPassword, "", "check", file).expect(t, 0, "ok: 1 pipeline, 1 sink, checked live", "")
	d := startDaemon(t, withPassword, address, file)
	waits := func() {
		t.Helper()
		tailrace(t, "wait", "-pipeline", "orders", "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
	}
	waits()
	s.server.ExecIn(t, s.name, "UPDATE orders SET status = 'paid' WHERE id = 2", "INSERT INTO orders VALUES (4, NULL), (5, '')",
		"DELETE FROM orders WHERE id = 1")
	waits()
	const rows = "SELECT string_agg(o::text, ' ' ORDER BY id) FROM %s.orders o"
	source, target := s.server.Query(t, s.name, fmt.Sprintf(rows, "public")), s.server.Query(t, reporting, fmt.Sprintf(rows, "shop"))
	if source != target || target != `(2,paid) (3,new) (4,) (5,"")` {
		t.Errorf("the replica has %s, the source %s", target, source)
	}
	verify := func(args ...string) result {
		return tailraceWith(t, withPassword, "", append([]string{"verify", file}, args...)...)
	}
	verify().expect(t, 0, "public.orders: 4 rows compared, the same", "")
	s.server.ExecIn(t, reporting, "UPDATE shop.orders SET status = NULL WHERE id = 5", "DELETE FROM shop.orders WHERE id = 3",
		"INSERT INTO shop.orders VALUES (9, 'not in the source')")
	r := verify("-fast")
	r.expect(t, 1, "public.orders: 4 rows compared, 3 differences, 0 repaired", "")
	for _, line := range []string{`["5"]  different  in status`, `["3"]  missing`, `["9"]  extra`} {
		if !strings.Contains(r.out, line) {
			t.Errorf("it does not say %s: %s", line, r.out)
		}
	}
	verify("-json", "-table", "public.orders").expect(t, 1, `{"table":"public.orders","key":["3"],"kind":"missing","repaired":false}`, "")
	verify("-after", `["4"]`, "-table", "public.orders").expect(t, 1, "1 row compared, 2 differences", "")
	verify("-repair").expect(t, 0, "3 differences, repaired", "")
	verify().expect(t, 0, "4 rows compared, the same", "")

	s.server.ExecIn(t, s.name, "ALTER TABLE orders ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 10)")
	tailraceWith(t, withPassword, "", "sequences", file).expect(t, 0, `ALTER TABLE "shop"."orders" ALTER COLUMN "id" ADD GENERATED`, "")
	tailraceWith(t, withPassword, "", "sequences", "-apply", file).expect(t, 0, "-- orders/reporting: 2 statements", "")
	tailraceWith(t, withPassword, "", "sequences", file).expect(t, 0, "-- orders/reporting: 0 statements", "")
	s.server.ExecIn(t, s.name, "CREATE INDEX by_status ON orders (status)")
	tailraceWith(t, withPassword, "", "indexes", "-apply", file).expect(t, 0, `CREATE INDEX CONCURRENTLY "by_status" ON "shop"."orders"`, "")
	tailraceWith(t, withPassword, "", "indexes", file).expect(t, 0, "-- orders/reporting: 0 statements", "")
	s.server.ExecIn(t, s.name, "INSERT INTO orders VALUES (DEFAULT, 'numbered')")
	waits()
	if got := s.server.Query(t, reporting, "SELECT nextval('shop.orders_id_seq') || status FROM shop.orders WHERE id = 10"); got != "10numbered" {
		t.Errorf("the replica counts on, and takes rows of the stream: %s", got)
	}

	verify("-table", "public.order").expect(t, 2, "", `did you mean "public.orders"`)
	verify("-sink", "orders/report").expect(t, 2, "", `the files have no replica "orders/report"`)
	verify("-after", "4").expect(t, 2, "", "-after needs -table")
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
	if strings.Contains(d.log.String()+r.out+r.err, secret) {
		t.Errorf("the password shows")
	}
}
