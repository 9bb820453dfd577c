package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestMessagesNeedNoTables runs a pipeline that names no tables, over a restart and an insert into a table that nothing publishes.
func TestMessagesNeedNoTables(t *testing.T) {
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		s := openSite(t, version, `
daemon {
  listen = env("LISTEN")
}
pipeline "shop" {
  source "postgres" {
    url = env("DATABASE_URL")
  }
  sink "kafka" "bus" {
    brokers = split(",", env("BROKERS"))
    messages "shop." {
      topic = "shop.messages"
      key   = tx.annotations.user
    }
    create_topics {}
  }
}
`, "CREATE TABLE a (id int PRIMARY KEY)")
		tailraceWith(t, s.env, "", "check", s.file).expect(t, 0, "checked live", "")
		const emit = "SELECT pg_logical_emit_message(true, 'shop.cart', "
		s.exec(emit+"'one')", "INSERT INTO a VALUES (1)", "SELECT pg_logical_emit_message(true, 'other', 'x')",
			`BEGIN; SELECT pg_logical_emit_message(true, 'tailrace.tx', '{"user": "ann"}'); `+emit+"'two'); COMMIT")
		s.waits()
		s.daemon.stop(t)
		s.exec(emit + "'three')")
		s.start()
		var got []string
		for _, r := range recordsIn(t, s.kafka, s.name+".messages") {
			got = append(got, string(r.Key)+" "+string(r.Value))
		}
		if d := cmp.Diff([]string{" one", "ann two", " three"}, got); d != "" {
			t.Errorf("Postgres %d (- wanted, + got)\n%s", version, d)
		}
		if code := s.daemon.stop(t); code != 0 {
			t.Errorf("exit code %d: %s", code, &s.daemon.log)
		}
	}
}
