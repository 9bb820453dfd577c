package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/testenv"
)

// sites are two clusters with the same databases, and a Kafka.
type sites struct {
	first, other *testenv.PostgresServer
	kafka        *testenv.KafkaServer
	pipelines    int
}

func openSites(t *testing.T) *sites {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	s := &sites{kafka: testenv.SharedKafka(t)}
	for _, to := range []**testenv.PostgresServer{&s.first, &s.other} {
		*to = testenv.Postgres(t, testenv.HBA("host all,replication all all scram-sha-256"))
		(*to).Exec(t, "ALTER ROLE postgres PASSWORD '"+secret+"'")
	}
	return s
}

// refused is a pipeline with a database of its own, on both clusters, and a topic of its own.
type refused struct {
	*testing.T
	*sites
	name, database  string
	server          *testenv.PostgresServer // where url points
	table, password string
	where           string // "": no filter
	start           string // of the sink; "": none is said
	snapshot        string // "": initial
}

func (s *sites) pipeline(t *testing.T) *refused {
	s.pipelines++
	name := fmt.Sprintf("refused_%d", s.pipelines)
	r := &refused{T: t, sites: s, name: name, database: name, table: "public.orders", password: secret}
	for _, server := range []*testenv.PostgresServer{s.other, s.first} {
		r.to(server).server.Exec(t, "CREATE DATABASE "+r.database)
		r.exec("CREATE TABLE orders (id int PRIMARY KEY, status text)", "INSERT INTO orders SELECT generate_series(1, 3)")
	}
	return r
}

func (r *refused) to(server *testenv.PostgresServer) *refused { r.server = server; return r }

func (r *refused) exec(sql ...string) *refused {
	r.Helper()
	r.server.ExecIn(r, r.database, sql...)
	return r
}

func (r *refused) slot() string { return "tailrace_" + r.name }

func (r *refused) topic() string { return r.name + ".public.orders" }

// slotIn makes a slot of the pipeline's name by hand.
func (r *refused) slotIn(database string) *refused {
	r.Helper()
	r.server.ExecIn(r, database, "SELECT pg_create_logical_replication_slot('"+r.slot()+"', 'pgoutput')")
	return r
}

// sql runs the SQL of a fix as it was printed: the lines that end with a semicolon, from their first word in capitals.
func (r *refused) sql(printed string) *refused {
	r.Helper()
	var found []string
	for _, m := range regexp.MustCompile(`(?m)(?:^|\s)((?:ALTER|SELECT) .*;)$`).FindAllStringSubmatch(printed, -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		r.Fatalf("no SQL in %s", printed)
	}
	return r.exec(found...)
}

func (r *refused) restart() *refused {
	r.Helper()
	if err := r.server.Restart(); err != nil {
		r.Fatal(err)
	}
	return r
}

// walLevel sets a new wal_level, which no slot of the cluster prevents.
func (r *refused) walLevel(level string) *refused {
	r.Helper()
	return r.exec("ALTER SYSTEM SET wal_level = '" + level + "'").restart()
}

// file is the pipeline's file as it is now, with a daemon at the address.
func (r *refused) file(daemon string) string {
	r.Helper()
	block := ""
	if r.where != "" {
		block = fmt.Sprintf("table %q {\n where = %q\n}", r.table, r.where)
	}
	return place(r.T, "refused.hcl", fmt.Sprintf(`
daemon {
  listen = %q
}
pipeline %q {
  source "postgres" {
    url      = "postgres://postgres@127.0.0.1:%d/%s"
    password = env("PASSWORD")
    tables   = [%q]
    snapshot {
      mode = %q
    }
    %s
  }
  sink "kafka" "bus" {
    brokers = [%q]
    format  = "json"
    start   = %q
    create_topics {
      partitions = 1
    }
  }
}
`, daemon, r.name, r.server.Port, r.database, r.table, cmp.Or(r.snapshot, "initial"), block, r.kafka.Brokers()[0], r.start))
}

func (r *refused) env() []string { return []string{"PASSWORD=" + r.password} }

// verb runs tailrace on the file to its end.
func (r *refused) verb(args ...string) result {
	r.Helper()
	return tailraceWith(r.T, r.env(), "", append(args, r.file("127.0.0.1:0"))...)
}

// held runs the daemon until everything is durable in the sink and a first start is over, and stops it.
func (r *refused) held() *refused {
	r.Helper()
	address := unusedAddress(r.T)
	d := startDaemon(r.T, r.env(), address, r.file(address), "-strict")
	tailrace(r.T, "wait", "-pipeline", r.name, "-url", d.url).expect(r.T, 0, "every sink holds everything up to", "")
	lasting := "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '" + r.slot() + "')"
	for began := time.Now(); r.server.Query(r, r.database, lasting) != "true"; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			r.Fatalf("there is no slot: %s", &d.log)
		}
	}
	if code := d.stop(r.T); code != 0 {
		r.Fatalf("exit code %d: %s", code, &d.log)
	}
	return r
}

// pasted runs the command of a verb in a fix as it was printed, without its question.
func pasted(t *testing.T, env []string, printed, verb string) result {
	t.Helper()
	m := regexp.MustCompile("`tailrace " + verb + " ([^`]*)`").FindStringSubmatch(printed)
	if m == nil {
		t.Fatalf("no command %s in %s", verb, printed)
	}
	return tailraceWith(t, env, "", append([]string{verb, "-yes"}, strings.Fields(m[1])...)...)
}

// drop is the command of a fix.
func (r *refused) drop(printed string) *refused {
	r.Helper()
	pasted(r.T, r.env(), printed, "drop").expect(r.T, 0, "removed:", "")
	return r
}

// accept runs the command of a fix for a state, after another one was refused; says is part of the list of what is lost.
func (r *refused) accept(printed, state, says string) *refused {
	r.Helper()
	r.verb("accept", "-yes", "-pipeline", r.name, "progress_lost").expect(r.T, 2, "", "not_acceptable: no sink of pipeline")
	r.verb("accept", "-pipeline", r.name, state).expect(r.T, 2, says, "confirm with -yes")
	pasted(r.T, r.env(), printed, "accept").expect(r.T, 0, says, "")
	r.verb("accept", "-yes", "-pipeline", r.name, state).expect(r.T, 2, "", "not_acceptable: no sink of pipeline")
	return r
}

// arrives runs the daemon and checks that an order is in the topic then.
func (r *refused) arrives(id int) *refused {
	r.Helper()
	r.held()
	if rows := r.values(); !strings.Contains(rows, fmt.Sprintf(`"row":{"id":%d,`, id)) {
		r.Errorf("order %d did not arrive:\n%s", id, rows)
	}
	return r
}

// values are the records of the topic, one a line.
func (r *refused) values() string { return r.valuesOf(r.topic()) }

func (r *refused) valuesOf(topic string) string {
	r.Helper()
	var lines []string
	for _, m := range recordsIn(r.T, r.kafka, topic) {
		lines = append(lines, string(m.Value))
	}
	return strings.Join(lines, "\n")
}

// recordsIn are the records of a topic's partition 0. Markers are seen too, so the end is known.
func recordsIn(t *testing.T, kafka *testenv.KafkaServer, topic string) (records []*kgo.Record) {
	t.Helper()
	end, err := kafka.Client(t).GetOffset(topic, 0, sarama.OffsetNewest)
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}
	c, err := kgo.NewClient(kgo.SeedBrokers(kafka.Direct()...), kgo.KeepControlRecords(), kgo.ConsumePartitions(from))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for next := int64(0); next < end; {
		f := c.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(m *kgo.Record) {
			next = m.Offset + 1
			if !m.Attrs.IsControl() {
				records = append(records, m)
			}
		})
	}
	return records
}
