package main

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestAReplica runs the whole line into another database, with a stop in the middle, and compares both.
func TestAReplica(t *testing.T) {
	s := openShop(t)
	target := testenv.NewDatabase(t, s.server)
	s.server.ExecIn(t, target, "CREATE TABLE orders (id int PRIMARY KEY, status text)") // the other one is made
	s.server.ExecIn(t, s.name, `CREATE TABLE lines (order_id int, n int, sku text, price numeric(12, 4), note text, at timestamptz,
		PRIMARY KEY (order_id, n))`, "ALTER TABLE lines ALTER note SET STORAGE EXTERNAL",
		"INSERT INTO lines SELECT n, 1, 'sku''\\ ' || n, n / 7.0, repeat('x', 3000), '2026-01-01' FROM generate_series(1, 3) n")
	address := unusedAddress(t)
	file := place(t, "orders.hcl", fmt.Sprintf(`
daemon { listen = %q }
pipeline "orders" {
  source "postgres" {
    url      = "postgres://postgres@127.0.0.1:%d/%s"
    password = env("PASSWORD")
    tables   = ["public.*"]
  }
  sink "postgres" "reporting" {
    url      = "postgres://postgres@127.0.0.1:%d/%s"
    password = env("PASSWORD")
  }
}`, address, s.server.Port, s.name, s.server.Port, target))
	tailraceWith(t, withPassword, "", "check", file).expect(t, 0, "ok: 1 pipeline, 1 sink, checked live", "")

	same := func(d *daemonProcess) {
		t.Helper()
		tailrace(t, "wait", "-pipeline", "orders", "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
		for _, table := range []string{"orders", "lines"} {
			sum := "SELECT count(*) || md5(string_agg(t::text, ';' ORDER BY t::text)) FROM " + table + " t"
			if want, got := s.server.Query(t, s.name, sum), s.server.Query(t, target, sum); got != want {
				t.Errorf("%s: %s in the target, %s in the source\n%s", table, got, want, &d.log)
			}
		}
	}
	d := startDaemon(t, withPassword, address, file)
	same(d)
	s.server.ExecIn(t, s.name, "UPDATE orders SET id = 4 WHERE id = 3", "DELETE FROM orders WHERE id = 1",
		"UPDATE lines SET price = 1.5 WHERE n = 1", "UPDATE lines SET n = 2 WHERE order_id = 2",
		"BEGIN; TRUNCATE orders; INSERT INTO orders VALUES (9, NULL); COMMIT",
		"INSERT INTO orders SELECT n, repeat('y', 500) FROM generate_series(100, 20000) n")
	same(d)
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
	s.server.ExecIn(t, s.name, "UPDATE lines SET note = 'é' WHERE order_id = 3", "DELETE FROM orders WHERE id % 2 = 0")
	d = startDaemon(t, withPassword, address, file)
	same(d)
	d.stop(t)
	tailraceWith(t, withPassword, "", "replay", file).expect(t, 0, "orders/reporting: 0 changes written, 0 waiting", "")
	s.server.ExecIn(t, target, `INSERT INTO tailrace.parked (pipeline, sink, lane, position, seq, committed, source_schema, source_table,
		target_schema, target_table, op, key, after, reason, message)
		SELECT 'orders', 'reporting', 'main', '0/1', n, now(), 'public', 'orders', 'public', 'orders', 'insert', '["' || n || '"]',
			jsonb_build_object('id', n::text, 'status', NULL), 'test', 'test' FROM (VALUES (9), (100003)) x (n)`)
	tailraceWith(t, withPassword, "", "replay", file).expect(t, 1, "orders/reporting: 1 change written, 1 waiting\n  conflict_unique", "")
	tailraceWith(t, withPassword, "", "drop", "-yes", "-pipeline", "orders", file).expect(t, 0,
		"1 progress record of orders/reporting in the target's tailrace.progress", "")
}
