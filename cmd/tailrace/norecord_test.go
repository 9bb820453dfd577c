package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// addition is a pipeline from a database into a replica, with room for a second sink.
type addition struct {
	*testing.T
	name   string // of the pipeline, the source's database and, with a suffix, the targets'
	server *testenv.PostgresServer
	mode   string // of the source's snapshot
	second string // the block of the second sink; "": there is none
	file   string // that the daemons of start run
}

func newAddition(t *testing.T, server *testenv.PostgresServer, name string) *addition {
	p := &addition{T: t, name: name, server: server, mode: "initial"}
	for _, database := range []string{name, name + "_first", name + "_second"} {
		server.Exec(t, "CREATE DATABASE "+database)
	}
	server.ExecIn(t, name, "CREATE TABLE orders (id int PRIMARY KEY)", "INSERT INTO orders SELECT generate_series(1, 3)",
		"CREATE TABLE tail (id int PRIMARY KEY)", "INSERT INTO tail VALUES (1)")
	return p
}

// start runs a daemon of the pipeline as it is now.
func (p *addition) start() *daemonProcess {
	p.Helper()
	address := unusedAddress(p.T)
	p.file = place(p.T, "pair.hcl", fmt.Sprintf(`
daemon { listen = %q }
pipeline %q {
  source "postgres" {
    url    = %q
    tables = ["public.*"]
    snapshot {
      mode = %q
    }
  }
  sink "postgres" "first" {
    url = %q
  }
  %s
}
`, address, p.name, p.server.URL(p.name), p.mode, p.server.URL(p.name+"_first"), p.second))
	return startDaemon(p.T, nil, address, p.file)
}

// waits until every sink holds everything.
func (p *addition) waits(d *daemonProcess) {
	p.Helper()
	if r := tailrace(p.T, "wait", "-pipeline", p.name, "-url", d.url); r.code != 0 {
		p.Fatalf("exit code %d: %s\n%s", r.code, r.err, &d.log)
	}
}

// halts waits until the daemon reports that a sink is in the state.
func (p *addition) halts(d *daemonProcess, state string) {
	p.Helper()
	eventually(p.T, func() bool {
		body, err := d.get("/readyz?strict")
		return err == nil && strings.Contains(body, `"`+state+`"`) && strings.Contains(body, `"halted"`)
	})
}

// checks wants the state in which a daemon is halted from `tailrace check`, with the same fix.
func (p *addition) checks(d *daemonProcess) {
	p.Helper()
	said := tailrace(p.T, "check", p.file)
	if said.code != 2 || !strings.Contains(said.err, "no_record: sink second has no progress record") {
		p.Errorf("check: exit code %d: %s", said.code, said.err)
	}
	body, err := d.get("/api/v1/pipelines/" + p.name)
	var st pipeline.Status
	if err := errors.Join(err, json.Unmarshal([]byte(body), &st)); err != nil {
		p.Fatal(err)
	}
	fix := st.Sinks[1].State.Fix
	if command := fmt.Sprintf("`tailrace accept -pipeline %s no_record %s`", p.name, p.file); !strings.Contains(fix, command) {
		p.Errorf("the fix is %q, without %q", fix, command)
	}
	for line := range strings.Lines(fix) {
		if !strings.Contains(said.err, strings.TrimSpace(line)) {
			p.Errorf("check does not say %q: %s", line, said.err)
		}
	}
}

// stops ends a daemon in good order.
func (p *addition) stops(d *daemonProcess) {
	p.Helper()
	if code := d.stop(p.T); code != 0 {
		p.Fatalf("exit code %d: %s", code, &d.log)
	}
}

// kills ends a daemon with kill -9.
func (p *addition) kills(d *daemonProcess) {
	p.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		p.Fatal(err)
	}
	_ = d.cmd.Wait() // its error is the signal
}

// insert adds an order to the source.
func (p *addition) insert(id int) {
	p.Helper()
	p.server.ExecIn(p, p.name, fmt.Sprintf("INSERT INTO orders VALUES (%d)", id))
}

// has checks the orders of a replica.
func (p *addition) has(database, want string) {
	p.Helper()
	if got := p.orders(database); got != want {
		p.Errorf("%s has %q, want %q", database, got, want)
	}
}

// orders are those of a replica.
func (p *addition) orders(database string) string {
	p.Helper()
	return p.server.Query(p, database, "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM orders")
}

// second is a kind of the sink that is added.
type second struct {
	block func(*addition) string         // with one %s for an attribute
	has   func(p *addition, want string) // a topic may have had a part of it before
	wipe  func(*addition)                // makes the target new, as an administrator would
	// shut lets a copy come to the table tail, behind orders, and no further; what it returns opens the way.
	shut   func(*addition) (open func())
	midway func(p *addition, d *daemonProcess) // waits until a copy has reached that point
	forget func(*addition)                     // what comes of it when the record alone is lost; nil: it cannot be
}

// A sink is added to a running pipeline, or its target is made new: it gets all rows, or halts where no copy is made, and begins
// where the slot begins, by the operator's decision.
func TestASinkWithoutARecord(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	kinds := map[string]second{"replica": replicaSecond(), "kafka": kafkaSecond(testenv.SharedKafka(t))}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		server := testenv.SharedPostgres(t, version)
		for kind, s := range kinds {
			for way, run := range map[string]func(*second, *addition){"asks": (*second).asks, "joins": (*second).joins, "ends": (*second).ends} {
				if way == "asks" && (kind == "kafka") != (version == testenv.Newest) {
					continue // most of it is the wait for a look, and the version does not matter
				}
				t.Run(fmt.Sprintf("%s %s %d", kind, way, version), func(t *testing.T) {
					t.Parallel()
					run(&s, newAddition(t, server, fmt.Sprintf("%s_%s_%d", kind, way, version)))
				})
			}
		}
	}
}

func replicaSecond() second {
	return second{
		block: func(p *addition) string {
			return fmt.Sprintf("sink \"postgres\" \"second\" {\n url = %q\n %%s\n}", p.server.URL(p.name+"_second"))
		},
		has: func(p *addition, want string) { p.Helper(); p.has(p.name+"_second", want) },
		wipe: func(p *addition) {
			p.server.Exec(p, "DROP DATABASE "+p.name+"_second WITH (FORCE)", "CREATE DATABASE "+p.name+"_second")
		},
		shut: func(p *addition) func() {
			p.server.ExecIn(p, p.name+"_second", "CREATE TABLE tail (id int PRIMARY KEY)")
			conn, err := pgx.Connect(p.Context(), p.server.URL(p.name+"_second"))
			if err == nil {
				_, err = conn.Exec(p.Context(), "BEGIN; LOCK TABLE tail IN SHARE MODE")
			}
			if err != nil {
				p.Fatal(err)
			}
			return func() { _ = conn.Close(p.Context()) }
		},
		midway: func(p *addition, _ *daemonProcess) {
			p.Helper()
			eventually(p.T, func() bool {
				return p.server.Query(p, p.name+"_second", "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "+
					"WHERE NOT l.granted AND c.relname = 'tail')") == "true"
			})
		},
	}
}

func kafkaSecond(kafka *testenv.KafkaServer) second {
	create := func(p *addition, table string) { p.Helper(); kafka.CreateTopic(p, p.name+"."+table, 1, nil) }
	remove := func(p *addition, topics ...string) {
		p.Helper()
		for _, topic := range topics {
			if err := kafka.Admin(p).DeleteTopic(p.name + "." + topic); err != nil {
				p.Fatal(err)
			}
		}
	}
	s := second{
		block: func(p *addition) string {
			return fmt.Sprintf("sink \"kafka\" \"second\" {\n brokers = [%q]\n topic = \"%s.${table.name}\"\n progress_topic = %q\n "+
				"format = \"json\"\n %%s\n}", kafka.Brokers()[0], p.name, p.name+".progress")
		},
		has: func(p *addition, want string) {
			p.Helper()
			var got []string
			for _, line := range strings.Split((&refused{T: p.T, sites: &sites{kafka: kafka}}).valuesOf(p.name+".orders"), "\n") {
				_, id, _ := strings.Cut(line, `"row":{"id":`)
				id, _, _ = strings.Cut(id, "}")
				got = append(got, id)
			}
			s := strings.Join(got, " ")
			before, whole := strings.CutSuffix(s, want)
			if !whole || before != "" && !strings.HasPrefix(want, before) {
				p.Errorf("the topic has %q, want %q", s, want)
			}
		},
		wipe: func(p *addition) { remove(p, "orders", "tail", "progress") },
		shut: func(p *addition) func() { create(p, "orders"); return func() { create(p, "tail") } },
		midway: func(p *addition, d *daemonProcess) {
			p.Helper()
			eventually(p.T, func() bool {
				body, err := d.get("/readyz?strict")
				return err == nil && strings.Contains(body, `"topic_missing"`)
			})
		},
	}
	s.forget = func(p *addition) { remove(p, "progress"); s.forgotten(p) }
	return s
}

// asks: without a snapshot the pipeline halts, also when a standby takes over; then the sink gets what is asked for: what comes
// from now on, by the word in the file or by `tailrace accept`.
func (s *second) asks(p *addition) {
	s.shut(p)()
	d := p.start()
	p.waits(d)
	p.stops(d)
	p.insert(4)

	p.mode, p.second = "never", fmt.Sprintf(s.block(p), "")
	d = p.start()
	p.halts(d, "no_record")
	p.checks(d)
	standby := p.start()
	p.insert(5)
	p.stops(d)
	p.halts(standby, "no_record")
	p.has(p.name+"_first", "1 2 3")
	tailrace(p.T, "accept", "-yes", "-pipeline", p.name, "no_record", p.file).
		expect(p.T, 0, "second: it never gets what was committed before", "")
	p.insert(6)
	p.waits(standby)
	tailrace(p.T, "check", p.file).expect(p.T, 0, "ok: 1 pipeline, 2 sinks, checked live", "")
	p.stops(standby)
	p.has(p.name+"_first", "1 2 3 4 5 6")
	s.has(p, "4 5 6")

	s.wipe(p)
	s.shut(p)()
	p.insert(7)
	d = p.start()
	p.halts(d, "no_record")
	p.stops(d)
	p.has(p.name+"_first", "1 2 3 4 5 6")
	p.second = fmt.Sprintf(s.block(p), `start = "now"`)
	for _, id := range []int{8, 9} { // the second time it has a record
		d = p.start()
		p.waits(d)
		p.stops(d)
		p.insert(id)
	}
	d = p.start()
	p.waits(d)
	p.stops(d)
	p.has(p.name+"_first", "1 2 3 4 5 6 7 8 9")
	s.has(p, "7 8 9")
	tailrace(p.T, "accept", "-yes", "-pipeline", p.name, "no_record", p.file).expect(p.T, 2, "", "no sink of pipeline")
}

// joins: the sink gets a copy of all rows while the other one goes on. A daemon that is killed in the middle leaves it to its
// standby, and one that is stopped to the next, which begin from scratch.
func (s *second) joins(p *addition) {
	d := p.start()
	p.waits(d)
	p.stops(d)
	p.insert(4)

	p.second = fmt.Sprintf(s.block(p), "")
	open := s.shut(p)
	d = p.start()
	s.midway(p, d)
	standby := p.start()
	p.insert(5)
	eventually(p.T, func() bool { return p.orders(p.name+"_first") == "1 2 3 4 5" })
	tailrace(p.T, "wait", "-timeout", "1s", "-pipeline", p.name, "-url", d.url).expect(p.T, 1, "", "second")
	p.kills(d)
	open()
	p.waits(standby)
	p.insert(6)
	p.waits(standby)
	p.stops(standby)
	s.has(p, "1 2 3 4 5 6")

	s.wipe(p)
	open = s.shut(p)
	d = p.start()
	s.midway(p, d)
	p.stops(d)
	open()
	p.insert(7)
	d = p.start()
	p.waits(d)
	p.insert(8)
	p.waits(d)
	p.stops(d)
	p.has(p.name+"_first", "1 2 3 4 5 6 7 8")
	s.has(p, "1 2 3 4 5 6 7 8")
	if left := p.server.Query(p, p.name, "SELECT string_agg(slot_name, ' ') FROM pg_replication_slots WHERE database = current_database()"); left != "tailrace_"+p.name {
		p.Errorf("slots: %s", left)
	}
	if s.forget != nil {
		s.forget(p)
	}
}

// ends: a first copy is over when the slot is there. A daemon that is stopped at that moment has recorded it, so that the loss of
// the slot is known; without a snapshot one that was killed has, too.
func (s *second) ends(p *addition) {
	s.shut(p)()
	p.second = fmt.Sprintf(s.block(p), "")
	slot := "tailrace_" + p.name
	lost := func(end func(*daemonProcess)) {
		p.Helper()
		d := p.start()
		eventually(p.T, func() bool {
			return p.server.Query(p, p.name, "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '"+slot+"')") == "true"
		})
		end(d)
		eventually(p.T, func() bool {
			return p.server.Query(p, p.name, "SELECT active FROM pg_replication_slots WHERE slot_name = '"+slot+"'") == "false"
		})
		p.server.ExecIn(p, p.name, "SELECT pg_drop_replication_slot('"+slot+"')")
		d = p.start()
		p.halts(d, "slot_missing")
		p.stops(d)
		tailrace(p.T, "drop", "-yes", "-pipeline", p.name, p.file).expect(p.T, 0, "removed:", "")
	}
	lost(p.stops)
	p.mode = "never"
	lost(p.kills)
}

// forgotten: the topics have everything, and their progress record is gone. The sink gets no copy unasked, which would not tell
// of deleted rows; `tailrace accept` lets it continue where the slot begins.
func (s *second) forgotten(p *addition) {
	p.server.ExecIn(p, p.name, "DELETE FROM orders WHERE id = 1")
	d := p.start()
	p.halts(d, "no_record")
	p.insert(9)
	eventually(p.T, func() bool { return p.orders(p.name+"_first") == "2 3 4 5 6 7 8 9" })
	tailrace(p.T, "accept", "-yes", "-pipeline", p.name, "no_record", p.file).
		expect(p.T, 0, "second: it never gets what was committed before", "")
	p.waits(d)
	p.stops(d)
	s.has(p, "1 2 3 4 5 6 7 8  9") // the delete has no row
}
