package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestReplicaCopiedAgain lets the first copy end, and then lets the creation of the permanent slot fail: the daemon copies
// everything again, over the rows of the first copy. Rows deleted in the source since then are deleted in the replica too.
func TestReplicaCopiedAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	p := newPair(t, build(t).binary, testenv.Newest, testenv.Newest)
	p.source.Exec(t, "CREATE TABLE a (id int PRIMARY KEY, v text)", "CREATE TABLE b (id int PRIMARY KEY REFERENCES a)",
		"INSERT INTO a SELECT i, 'first' FROM generate_series(1, 200) i", "INSERT INTO b SELECT i FROM generate_series(1, 100) i",
		"ALTER SYSTEM SET max_replication_slots = 2", "SELECT pg_create_physical_replication_slot('in_the_way')")
	if err := p.source.Restart(); err != nil {
		t.Fatal(err)
	}
	p.target.Exec(t, "CREATE TABLE a (id int PRIMARY KEY, v text)", "CREATE TABLE b (id int PRIMARY KEY REFERENCES a)")
	p.write(`tables = ["public.*"]`)
	p.launch()
	p.until("the rows are there, and the slot is not", func() bool {
		conn := dial(t, p.target)
		defer func() { _ = conn.Close(context.Background()) }()
		var n int
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM a").Scan(&n)
		return err == nil && n == 200 && strings.Contains(p.daemon.logTail(), "53400")
	})
	p.daemon.kill()
	p.source.Exec(t, "DELETE FROM b WHERE id > 50", "DELETE FROM a WHERE id > 150", "UPDATE a SET v = 'second'", "TRUNCATE b",
		"SELECT pg_drop_replication_slot('in_the_way')")
	p.launch()
	p.streams()
	p.drain()
	p.same("a", "b")
	p.tailrace("verify", "-fast", p.file)
}
