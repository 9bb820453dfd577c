package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// pair is a pipeline with two daemons, of which one is the standby.
type pair struct {
	*testing.T
	server          *testenv.PostgresServer
	kafka           *testenv.KafkaServer
	targets         *testenv.PostgresServer // where the replica's database is
	database, sink  string
	target          string // a replica's database; "": the sink is Kafka
	files           [2]string
	addresses       [2]string
	running         [2]*daemonProcess
	name, published string
	slot            string
}

// sinkKinds are the sinks that keep a record.
var sinkKinds = []string{"kafka", "replica"}

// openPair makes a source with the tables t and u, and the files of its daemons. Its target is on a shared server, which the test
// does not stop.
func openPair(t *testing.T, server *testenv.PostgresServer, kind string) *pair {
	t.Helper()
	p := &pair{T: t, server: server, database: testenv.NewDatabase(t, server)}
	p.name = p.database
	p.exec("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (id int PRIMARY KEY)")
	switch kind {
	case "stdout":
		p.sink = "sink \"stdout\" \"s\" {}"
	case "replica":
		p.targets = testenv.SharedPostgres(t, testenv.Newest)
		p.target = testenv.NewDatabase(t, p.targets)
		p.sink = fmt.Sprintf("sink \"postgres\" \"s\" {\n url = %q\n}", p.targets.URL(p.target))
	default:
		p.kafka = testenv.SharedKafka(t)
		p.sink = fmt.Sprintf("sink \"kafka\" \"s\" {\n brokers = [%q]\n format = \"json\"\n topic = %q\n create_topics {\n partitions = 1\n }\n}",
			p.kafka.Brokers()[0], p.name)
	}
	p.published, p.slot = "tailrace_"+p.name, "tailrace_"+p.name
	for i := range p.files {
		p.addresses[i] = unusedAddress(t)
		p.files[i] = place(t, fmt.Sprintf("pair%d.hcl", i), fmt.Sprintf(
			"daemon {\n listen = %q\n}\npipeline %q {\n source \"postgres\" {\n url = %q\n tables = [\"public.t\", \"public.u\"]\n}\n%s\n}\n",
			p.addresses[i], p.name, server.URL(p.database), p.sink))
	}
	return p
}

func (p *pair) exec(sql ...string) {
	p.Helper()
	p.server.ExecIn(p, p.database, sql...)
}

func (p *pair) start(i int) {
	p.Helper()
	p.running[i] = startDaemonFor(p.T, 5*time.Minute, nil, p.addresses[i], p.files[i])
}

func (p *pair) stop(i int) {
	p.Helper()
	if code := p.running[i].stop(p.T); code != 0 {
		p.Errorf("exit code %d: %s", code, &p.running[i].log)
	}
}

// both starts a daemon that leads, and its standby.
func (p *pair) both() {
	p.Helper()
	p.start(0)
	p.held(0)
	p.start(1)
	p.state(1, "standby", pipeline.Standby)
}

// held waits until everything is durable in the daemon's sink, and it streams from the permanent slot.
func (p *pair) held(i int) {
	p.Helper()
	p.state(i, "streaming", pipeline.Active)
	tailrace(p.T, "wait", "-pipeline", p.name, "-url", p.running[i].url).expect(p.T, 0, "every sink holds everything up to", "")
	p.server.Until(p, "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '"+p.slot+"' AND active)")
}

// status is the status of a daemon's pipeline; zero when the daemon does not answer.
func (p *pair) status(i int) (st pipeline.Status) {
	if p.running[i] == nil {
		return st
	}
	if body, err := p.running[i].get("/api/v1/pipelines/" + p.name); err == nil {
		_ = json.Unmarshal([]byte(body), &st) // zero then
	}
	return st
}

// logs are what both daemons say of their pipeline, and their logs.
func (p *pair) logs() string {
	var b strings.Builder
	for i, d := range p.running {
		if d != nil {
			fmt.Fprintf(&b, "daemon %d: %+v\n%s", i, p.status(i), &d.log)
		}
	}
	return b.String()
}

// until waits until something is the case.
func (p *pair) until(what string, is func() bool) {
	p.Helper()
	for began := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 90*time.Second {
			p.Fatalf("not in time: %s; %s", what, p.logs())
		}
	}
}

// state waits until a daemon's pipeline is in a state, in a role.
func (p *pair) state(i int, name, role string) {
	p.Helper()
	p.until(fmt.Sprintf("daemon %d is %s as %s", i, name, role), func() bool {
		st := p.status(i)
		return st.State.Name == name && st.Role == role
	})
}

// is reports whether a daemon is halted in a state: the pipeline, or its sink.
func (p *pair) is(i int, state string) bool {
	st := p.status(i)
	return st.State.Name == state || len(st.Sinks) == 1 && st.Sinks[0].State.Name == state
}

// halts waits until a daemon is halted in a state.
func (p *pair) halts(i int, state string) {
	p.Helper()
	p.until(fmt.Sprintf("daemon %d is %s", i, state), func() bool { return p.is(i, state) })
}

// halted waits until one of the daemons is halted in a state, and returns which.
func (p *pair) halted(state string) (i int) {
	p.Helper()
	p.until("one is "+state, func() bool {
		i = slices.IndexFunc([]int{0, 1}, func(i int) bool { return p.is(i, state) })
		return i >= 0
	})
	return i
}

// active waits for the daemon that streams.
func (p *pair) active() (i int) {
	p.Helper()
	p.until("one streams", func() bool {
		i = slices.IndexFunc([]int{0, 1}, func(i int) bool {
			st := p.status(i)
			return st.Role == pipeline.Active && st.State.Name == "streaming"
		})
		return i >= 0
	})
	return i
}

// delivers waits for the daemon that streams into a healthy sink. One with a halted sink looks again every 10 s, and may then lose
// the slot to the other daemon.
func (p *pair) delivers() (i int) {
	p.Helper()
	p.until("one delivers", func() bool {
		i = slices.IndexFunc([]int{0, 1}, func(i int) bool {
			st := p.status(i)
			return st.Role == pipeline.Active && st.State.Name == "streaming" && len(st.Sinks) == 1 && st.Sinks[0].State.Kind == pipeline.OK
		})
		return i >= 0
	})
	return i
}

// accept is the operator's word, by the command that a daemon shows in a state.
func (p *pair) accept(state, says string) {
	p.Helper()
	var command string
	p.until("a command to accept "+state, func() bool {
		i := p.halted(state)
		command = fmt.Sprintf("`tailrace accept -pipeline %s %s %s`", p.name, state, p.files[i])
		fix := p.status(i).State.Fix
		for _, s := range p.status(i).Sinks {
			fix += s.State.Fix
		}
		if strings.Contains(fix, "-pipeline P ") {
			p.Errorf("the fix does not name the pipeline: %s", fix)
		}
		return strings.Contains(fix, command)
	})
	pasted(p.T, nil, command, "accept").expect(p.T, 0, says, "")
}

// has checks which rows of t the sink has.
func (p *pair) has(want string) {
	p.Helper()
	if got := p.rows(); got != want {
		p.Errorf("the sink has %q, want %q", got, want)
	}
}

// rows are the rows of t that the sink has.
func (p *pair) rows() string {
	p.Helper()
	if p.target != "" {
		return p.targets.Query(p, p.target, "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM t")
	}
	var ids []int
	for _, m := range recordsIn(p.T, p.kafka, p.name) {
		var event struct {
			Table string         `json:"table"`
			Row   map[string]int `json:"row"`
		}
		if json.Unmarshal(m.Value, &event) == nil && event.Table == "t" {
			ids = append(ids, event.Row["id"])
		}
	}
	slices.Sort(ids)
	var texts []string
	for _, id := range slices.Compact(ids) { // some come twice
		texts = append(texts, strconv.Itoa(id))
	}
	return strings.Join(texts, " ")
}
