package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// A source that keeps no times of commits is put back to an older state while one of two sinks does not answer. When that one
// answers, the source has overtaken it, and only the record of the other one tells what has happened: both are halted, the
// operator accepts for both, and neither lacks a row that the restored source has.
func TestASinkThatDoesNotAnswerWhileTheSourceIsRestored(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts servers")
	}
	const state = "ahead_of_source"
	server := testenv.Postgres(t, testenv.Version(testenv.Newest), testenv.Setting("track_commit_timestamp", "off"))
	p := openPair(t, server, "replica")
	bus := *p
	bus.target, bus.kafka = "", testenv.SharedKafka(t)
	proxy := testenv.Proxy(t, p.targets.Addr())
	p.files[0] = place(t, "silent.hcl", fmt.Sprintf(`
daemon {
  listen = %q
}
pipeline %q {
  source "postgres" {
    url    = %q
    tables = ["public.t", "public.u"]
  }
  sink "kafka" "bus" {
    brokers = [%q]
    format  = "json"
    topic   = %[2]q
    create_topics {
      partitions = 1
    }
  }
  sink "postgres" "replica" {
    url = %[5]q
  }
}
`, p.addresses[0], p.name, server.URL(p.database), bus.kafka.Brokers()[0],
		strings.Replace(p.targets.URL(p.target), p.targets.Addr(), proxy.Addr(), 1)))
	both := func(want string) {
		t.Helper()
		bus.has(want)
		p.has(want)
	}
	states := func(want ...string) {
		t.Helper()
		p.until(fmt.Sprintf("the sinks are %q", want), func() bool {
			st := p.status(0)
			return len(st.Sinks) == 2 && st.Sinks[0].State.Name == want[0] && st.Sinks[1].State.Name == want[1]
		})
	}
	accept := func() result {
		return tailrace(t, "accept", "-yes", "-pipeline", p.name, state, p.files[0])
	}

	p.exec("INSERT INTO t VALUES (1)")
	p.start(0)
	p.held(0)
	r := &restored{T: t, server: server, pairs: []*pair{p}, older: server.ColdBackup(t)}
	p.insert(2, 5)
	p.held(0)
	both("1 2 3 4 5")

	proxy.Down()
	r.restore()
	states(state, "target_unreachable")
	r.overtake()
	p.stop(0)
	p.start(0) // what is left to know it by is in the record
	states(state, "target_unreachable")
	if said := accept(); said.code == 0 || !strings.Contains(said.err, `sink "postgres" "replica"`) {
		t.Errorf("it is accepted without the record of one sink: %+v", said)
	}
	if err := proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	states(state, state)
	both("1 2 3 4 5")

	said := accept()
	for _, name := range []string{"bus", "replica"} {
		said.expect(t, 0, name+": it keeps what it has of commits that the source does not have", "")
	}
	p.insert(99, 99)
	p.held(0)
	both("1 2 3 4 5 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 99")
	p.stop(0)
}
