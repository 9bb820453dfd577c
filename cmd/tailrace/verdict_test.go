package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestAVerdictStands alters the publication next to two daemons. The pipeline halts and stays halted, whichever looks and however
// often, also after restarts, until the operator accepts; then it goes on, without what was written meanwhile.
func TestAVerdictStands(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		for _, kind := range sinkKinds {
			t.Run(fmt.Sprintf("Postgres %d, %s", version, kind), func(t *testing.T) {
				t.Parallel()
				p := openPair(t, testenv.SharedPostgres(t, version), kind)
				p.exec("INSERT INTO t VALUES (1)")
				p.both()
				p.exec("ALTER PUBLICATION "+p.published+" DROP TABLE t", "INSERT INTO t VALUES (2)",
					"ALTER PUBLICATION "+p.published+" ADD TABLE ONLY t", "INSERT INTO t VALUES (3)")
				p.halts(0, "publication_altered") // one halts, gives up the slot until its next look, and then the other one
				p.halts(1, "publication_altered")
				if record := p.record(); !strings.Contains(record, "public.t was taken out and put back") {
					t.Errorf("the record has no verdict: %s", record)
				}
				p.exec("INSERT INTO t VALUES (4)")
				for i := range p.running { // whichever daemon has the slot, restarts do not clear it
					p.stop(i)
					p.start(i)
				}
				p.halts(0, "publication_altered")
				p.halts(1, "publication_altered")
				if got := p.rows(); got != "1" && got != "1 3" { // 3 may come before the daemon has looked
					t.Errorf("while it is halted the sink has %q", got)
				}
				p.accept("publication_altered", "public.t was taken out and put back")
				i := p.active()
				p.exec("INSERT INTO t VALUES (5)")
				p.held(i)
				p.has("1 3 4 5")
				p.stop(1 - i)
				p.stop(i)
			})
		}
	}
}

// TestASwapIsAVerdict puts another table in the place of a published one, next to two daemons: while they run, and while none does.
func TestASwapIsAVerdict(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		for _, kind := range sinkKinds {
			t.Run(fmt.Sprintf("Postgres %d, %s", version, kind), func(t *testing.T) {
				t.Parallel()
				p := openPair(t, testenv.SharedPostgres(t, version), kind)
				swap := "CREATE TABLE new (LIKE t INCLUDING ALL); ALTER TABLE t RENAME TO old; ALTER TABLE new RENAME TO t; " +
					"INSERT INTO t VALUES (2); INSERT INTO old VALUES (20)"
				p.exec("INSERT INTO t VALUES (1)")
				p.both()
				p.exec(swap)
				p.halts(0, "publication_altered")
				p.halts(1, "publication_altered")
				p.exec("INSERT INTO t VALUES (3)")
				for i := range p.running {
					p.stop(i)
					p.start(i)
				}
				p.halts(0, "publication_altered")
				p.halts(1, "publication_altered")
				if got := p.rows(); got != "1" {
					t.Errorf("while it is halted the sink has %q", got)
				}
				p.accept("publication_altered", "public.old")
				i := p.active()
				p.exec("INSERT INTO t VALUES (4)")
				if kind == "kafka" {
					p.held(i)
					p.has("1 3 4")
				} else { // the replica's table has the former one's rows
					p.halts(i, "table_recreated")
				}
				p.stop(1 - i)
				p.stop(i)

				p = openPair(t, testenv.SharedPostgres(t, version), kind)
				p.exec("INSERT INTO t VALUES (1)")
				p.start(0)
				p.held(0)
				p.stop(0)
				p.exec(swap)
				for range 2 {
					p.start(0)
					p.halts(0, "publication_altered")
					p.stop(0)
				}
				p.has("1")
			})
		}
	}
}

// openTwins is a pipeline with a daemon for each of two databases, of which one was made as a copy of the other. They have the same
// names, the same target, and a slot each.
func openTwins(t *testing.T, server *testenv.PostgresServer, kind string) (p *pair, twin string) {
	t.Helper()
	p = openPair(t, server, kind)
	p.exec("CREATE PUBLICATION shop FOR TABLE t, u WITH (publish_via_partition_root = true)")
	twin = p.database + "_twin"
	server.Exec(t, fmt.Sprintf("CREATE DATABASE %q TEMPLATE %q", twin, p.database))
	for i, database := range []string{p.database, twin} {
		p.files[i] = place(t, "shop.hcl", fmt.Sprintf("daemon {\n listen = %q\n}\npipeline %q {\n source \"postgres\" {\n url = %q\n "+
			"tables = [\"public.t\", \"public.u\"]\n slot = \"shop_%s_%d\"\n publication = \"shop\"\n manage = false\n}\n%s\n}\n",
			p.addresses[i], p.name, server.URL(database), p.name, i, p.sink))
	}
	p.slot = "shop_" + p.name + "_0"
	p.exec("INSERT INTO t VALUES (1)")
	p.start(0)
	p.held(0)
	return p, twin
}

// TestTwoDatabasesOfOneCluster: with Kafka each has a progress record of its own, so neither skips what it has not written, and
// drop removes the record of one.
func TestTwoDatabasesOfOneCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	server := testenv.SharedPostgres(t, testenv.Newest)
	p, twin := openTwins(t, server, "kafka")
	holds := func(i int) {
		t.Helper()
		p.slot = fmt.Sprintf("shop_%s_%d", p.name, i)
		p.held(i)
	}
	server.ExecIn(t, twin, "INSERT INTO t VALUES (101)")
	p.start(1)
	holds(1)
	p.stop(1)
	server.ExecIn(t, twin, "INSERT INTO t VALUES (102)") // while its daemon is down and the first one goes far beyond
	p.exec("INSERT INTO t VALUES (2)")
	holds(0)
	p.start(1)
	holds(1)
	p.has("1 2 101 102")
	p.exec("INSERT INTO t VALUES (3)")
	holds(0)
	if log := p.running[0].log.String() + p.running[1].log.String(); strings.Contains(log, "fenced") {
		t.Errorf("one has fenced the other: %s", log)
	}
	p.stop(1)
	tailrace(t, "drop", "-yes", "-pipeline", p.name, p.files[1]).expect(t, 0, "progress record "+p.name+"/s/main@", "")
	p.stop(0)
	p.start(0) // its record is still there
	p.exec("INSERT INTO t VALUES (4)")
	holds(0)
	p.stop(0)
	p.has("1 2 3 4 101 102")
}

// TestTwoDatabasesOfOneReplica: their tables would be the same, so the second one halts and does not fence the first one, and drop
// leaves the record of the first.
func TestTwoDatabasesOfOneReplica(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	server := testenv.SharedPostgres(t, testenv.Newest)
	p, twin := openTwins(t, server, "replica")
	server.ExecIn(t, twin, "INSERT INTO t VALUES (101)")
	said := tailrace(t, "run", "-strict", p.files[1])
	if said.code != 2 || !strings.Contains(said.err, "wrong_database: ") || !strings.Contains(said.err, "another name") {
		t.Errorf("exit code %d: %s", said.code, said.err)
	}
	tailrace(t, "drop", "-yes", "-pipeline", p.name, p.files[1]).expect(t, 0, "database "+p.database+" (OID", "")
	p.exec("INSERT INTO t VALUES (2)")
	p.held(0)
	if log := p.running[0].log.String(); strings.Contains(log, "fenced") {
		t.Errorf("the first one was fenced: %s", log)
	}
	p.stop(0)
	p.start(0) // its record is still there
	p.exec("INSERT INTO t VALUES (3)")
	p.held(0)
	p.stop(0)
	p.has("1 2 3")
}
