package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// TestPartitionsChange attaches, truncates and detaches partitions next to two daemons, while they run and while none does. The
// pipeline continues and warns until the operator accepts it, and a replica is made equal by the command that it shows.
func TestPartitionsChange(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for kind, version := range map[string]int{"replica": testenv.Oldest, "kafka": testenv.Newest} {
		t.Run(fmt.Sprintf("Postgres %d, %s", version, kind), func(t *testing.T) {
			t.Parallel()
			p := openPair(t, testenv.SharedPostgres(t, version), kind)
			p.exec("DROP TABLE t", "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
				"CREATE TABLE t2 (LIKE t INCLUDING ALL)", "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM (30) TO (40)", "INSERT INTO t VALUES (1), (31)")
			p.both()
			p.exec("INSERT INTO t2 SELECT g FROM generate_series(1000, 2500) g", "ALTER TABLE t ATTACH PARTITION t2 FOR VALUES FROM (1000) TO (3000)",
				"INSERT INTO t VALUES (2), (2999)")
			p.warns("partition public.t2 was attached to public.t with rows")
			p.repair("1 2 31 2999")
			p.exec("TRUNCATE t1", "INSERT INTO t VALUES (3)")
			p.warns("partition public.t1 of public.t was truncated; partition public.t2 was attached to public.t with rows")
			p.stop(1)
			p.stop(0)
			p.exec("ALTER TABLE t DETACH PARTITION t3", "INSERT INTO t VALUES (4)")
			p.start(0)
			p.start(1)
			p.warns("t1 of public.t was truncated; partition public.t2 was attached to public.t with rows; partition with OID")
			p.repair("1 2 3 4 31 2999")
			p.accept("partitions_changed", "partition public.t1 of public.t was truncated\n")
			tailrace(p.T, "accept", "-yes", "-pipeline", p.name, "partitions_changed", p.files[0]).expect(p.T, 0, "there is nothing to accept", "")
			i := p.active()
			p.exec("INSERT INTO t VALUES (5)")
			p.held(i)
			p.stop(1 - i)
			p.stop(i)
			p.start(0)
			p.exec("TRUNCATE t2")
			p.warns("partition public.t2 of public.t was truncated")
			p.stop(0)
		})
	}
}

// warns waits until a daemon reports that partitions have changed, while it continues.
func (p *pair) warns(reason string) {
	p.Helper()
	p.until(reason, func() bool {
		for i := range p.running {
			st := p.status(i)
			if p.is(i, "partitions_changed") && strings.Contains(st.State.Reason, reason) && st.State.Kind == pipeline.Warning {
				if body, err := p.running[i].get("/readyz?strict"); err != nil || !strings.Contains(body, `"ready": true`) && !strings.Contains(body, `"ready":true`) {
					p.Errorf("a warning is in the way: %v, %s", err, body)
				}
				tailrace(p.T, "wait", "-pipeline", p.name, "-url", p.running[i].url).expect(p.T, 0, "every sink holds everything up to", "")
				return true
			}
		}
		return false
	})
}

// repair runs the command that makes a replica equal; a topic has the rows of the stream.
func (p *pair) repair(streamed string) {
	p.Helper()
	if p.target == "" {
		p.has(streamed)
		return
	}
	i := p.halted("partitions_changed")
	command := regexp.MustCompile("`tailrace (verify [^`]*)`").FindStringSubmatch(p.status(i).State.Fix)
	if command == nil {
		p.Fatalf("no command in %q", p.status(i).State.Fix)
	}
	tailrace(p.T, strings.Fields(command[1])...).expect(p.T, 0, "repaired", "")
	const sum = "SELECT count(*) || ' ' || coalesce(sum(id), 0) FROM t"
	if source, target := p.server.Query(p, p.database, sum), p.targets.Query(p, p.target, sum); source != target {
		p.Errorf("the replica has %s, the source %s", target, source)
	}
}
