package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Promotions of the source's standby that lose commits whose events are in Kafka. If the sink's record names them, the
// pipeline halts. If the record was not written in time, the daemon that sent the events warns of them and continues.
func TestPromotionLosesSentCommits(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := build(t).binary
	kafka := testenv.Kafka(t, testenv.Nodes(2), testenv.Proxied())
	for name, run := range map[string]func(*promotion){"recorded": (*promotion).recorded, "not recorded": (*promotion).notRecorded} {
		t.Run(name, func(t *testing.T) { run(newPromotion(t, binary, kafka)) })
	}
}

// promotion is a pipeline with one daemon, whose source has an asynchronous standby. One broker has the events, the
// other one the progress record.
type promotion struct {
	*pair
	former, promoted *testenv.PostgresServer
	records          *testenv.KafkaNode
}

func newPromotion(t *testing.T, binary string, kafka *testenv.KafkaServer) *promotion {
	t.Helper()
	p := &promotion{pair: newSource(t, binary, testenv.Newest), records: kafka.Nodes[1]}
	p.former, p.promoted = p.source, p.source.Standby(t)
	p.urls[0] = either(p.former, p.promoted)
	_, name, _ := strings.Cut(t.Name(), "/")
	p.topic = &topic{t: t, kafka: kafka, name: name, progress: name + ".progress"}
	p.create(p.topic.name, "delete", kafka.Nodes[0])
	p.create(p.topic.progress, "compact", p.records)
	p.source.Exec(t, "CREATE TABLE items (id int PRIMARY KEY, v text)")
	p.write("tables = [\"public.*\"]\n    failover = true\n    heartbeat = \"1s\"")
	p.launch()
	p.streams()
	p.insert(1, 10, "kept")
	p.drain()
	p.promoted.SyncSlot(t, p.former, replicaSlot)
	return p
}

// create creates a topic of one partition on one broker.
func (p *promotion) create(name, policy string, on *testenv.KafkaNode) {
	p.t.Helper()
	err := p.topic.kafka.Admin(p.t).CreateTopic(name, &sarama.TopicDetail{
		NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: map[int32][]int32{0: {int32(on.ID)}},
		ConfigEntries: map[string]*string{"cleanup.policy": &policy},
	}, false)
	if err != nil {
		p.t.Fatal(err)
	}
	p.topic.kafka.AwaitTopic(p.t, name)
}

// insert commits rows one by one on the source.
func (p *promotion) insert(from, to int, v string) {
	p.t.Helper()
	for i := from; i <= to; i++ {
		p.source.Exec(p.t, fmt.Sprintf("INSERT INTO items VALUES (%d, '%s')", i, v))
	}
}

// lose commits ten rows that the standby does not receive, and promotes it when arrived returns.
func (p *promotion) lose(arrived func()) {
	p.t.Helper()
	p.promoted.CatchUp(p.t, p.former)
	if err := p.promoted.Stop(testenv.Fast); err != nil {
		p.t.Fatal(err)
	}
	p.insert(11, 20, "lost")
	arrived()
	if err := p.former.Crash(); err != nil {
		p.t.Fatal(err)
	}
	if err := p.promoted.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.promoted.Promote(p.t)
	p.source = p.promoted
}

// recorded: the record contains the last of the lost commits, and so do all later reads of it.
func (p *promotion) recorded() {
	p.lose(p.drain)
	p.halts("timeline_diverged")
	p.warns()
	p.daemon.kill()
	p.launch()
	p.halts("timeline_diverged")
}

// notRecorded: the broker with the record is unreachable from before the first of the lost commits until the daemon, which
// keeps running, has abandoned the writer that had to record them. So no record can contain them.
func (p *promotion) notRecorded() {
	t := p.t
	p.promoted.CatchUp(t, p.former)
	p.records.Proxy.Down()
	p.lose(func() { p.until("their events are in the topic", func() bool { return len(p.sent("lost")) >= 10 }) })
	p.until("the daemon warns", func() bool { return len(p.warnings()) > 0 })
	p.until("the sink cannot be opened", func() bool {
		if why := p.halted(); why != "" {
			t.Fatalf("halted: %s\n%s", why, p.daemon.logTail())
		}
		st := p.status()
		return len(st.Sinks) == 1 && st.Sinks[0].State.Kind == pipeline.Retrying
	})
	if err := p.records.Proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	p.insert(11, 15, "new")
	p.drain()
	if n := len(p.sent("new")); n != 5 {
		t.Errorf("the topic has %d of 5 rows that were committed after the promotion", n)
	}
	p.warns()
}

// warns expects one warning of the daemon, whose range contains the lost commits, and no others of the former timeline.
func (p *promotion) warns() {
	p.t.Helper()
	all := p.warnings()
	if len(all) != 1 {
		p.t.Fatalf("%d warnings, want one: %+v", len(all), all)
	}
	w := all[0]
	branch := p.promoted.Query(p.t, "postgres", `SELECT (regexp_split_to_array(pg_read_file('pg_wal/00000002.history'), '\s+'))[2]`)
	if w.After.String() != branch || w.Timeline != 1 {
		p.t.Errorf("the warning is of timeline %d after %s, the history has %s", w.Timeline, w.After, branch)
	}
	for v, lost := range map[string]bool{"kept": false, "lost": true} {
		for id, at := range p.sent(v) {
			if in := w.After <= at && at < w.UpTo; in != lost {
				p.t.Errorf("row %d, %s, has the LSN %s, and the warning is of commits that end after %s and up to %s", id, v, at, w.After, w.UpTo)
			}
		}
	}
}

// sent returns the rows with a value that have an event in the topic, and the LSN of the last one: where the commit record
// begins.
func (p *promotion) sent(v string) map[int]capture.LSN {
	p.t.Helper()
	rows := map[int]capture.LSN{}
	for _, value := range p.topic.values() {
		var event struct {
			LSN capture.LSN
			Row struct {
				ID int
				V  string
			}
		}
		if err := json.Unmarshal(value, &event); err != nil {
			p.t.Fatalf("%s: %v", value, err)
		}
		if event.Row.V == v {
			rows[event.Row.ID] = event.LSN
		}
	}
	return rows
}

// warning is a log line that warns of lost commits.
type warning struct {
	Msg      string
	After    capture.LSN
	UpTo     capture.LSN `json:"up to"`
	Timeline uint32
}

// warnings returns the warnings that the daemon has written.
func (p *promotion) warnings() (all []warning) {
	p.t.Helper()
	f, err := os.Open(p.daemon.log)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var w warning
		_ = json.Unmarshal(lines.Bytes(), &w) // other lines may have other types there
		if strings.HasPrefix(w.Msg, "the source was promoted") {
			all = append(all, w)
		}
	}
	return all
}
