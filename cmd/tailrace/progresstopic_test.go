package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// topicPair is a pair of daemons whose Kafka sink has a progress topic of its own.
type topicPair struct {
	*pair
	topic string
}

func openTopicPair(t *testing.T) *topicPair {
	t.Helper()
	server := testenv.SharedPostgres(t, testenv.Newest)
	p := &topicPair{pair: openPair(t, server, "kafka")}
	p.topic = p.name + ".progress"
	for i := range p.files {
		p.files[i] = place(t, fmt.Sprintf("topic%d.hcl", i), fmt.Sprintf("daemon {\n listen = %q\n}\npipeline %q {\n source \"postgres\" {\n"+
			" url = %q\n tables = [\"public.t\", \"public.u\"]\n}\nsink \"kafka\" \"s\" {\n brokers = [%q]\n format = \"json\"\n topic = %q\n"+
			" progress_topic = %q\n create_topics {\n partitions = 1\n }\n}\n}\n",
			p.addresses[i], p.name, server.URL(p.database), p.kafka.Brokers()[0], p.name, p.topic))
	}
	return p
}

// sinkIs waits until a daemon's sink is in a state.
func (p *topicPair) sinkIs(i int, state, kind string) {
	p.Helper()
	p.until(fmt.Sprintf("the sink of daemon %d is %s", i, state), func() bool {
		body, err := p.running[i].get("/metrics")
		return err == nil && strings.Contains(body, fmt.Sprintf(`tailrace_sink_state{kind=%q,pipeline=%q,sink="s",state=%q} 1`, kind, p.name, state))
	})
}

// The progress topic is lost while two daemons run.
func TestProgressTopic(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for name, test := range map[string]func(*topicPair){
		"deleted under the active daemon": (*topicPair).isMadeAgain,
		"deleted before a takeover":       (*topicPair).isMissed,
		"expired with the slot":           (*topicPair).isExpired,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(openTopicPair(t))
		})
	}
}

// isMadeAgain: the daemon goes on, and so does the standby that follows it.
func (p *topicPair) isMadeAgain() {
	p.start(0)
	p.exec("INSERT INTO t VALUES (1)")
	p.held(0)
	p.start(1)
	p.state(1, "standby", pipeline.Standby)
	p.kafka.DeleteTopic(p, p.topic)
	p.exec("INSERT INTO t VALUES (2)")
	p.held(0)
	eventually(p.T, func() bool { return strings.Contains(p.running[0].log.String(), "progress_deleted") })
	p.sinkIs(0, "streaming", pipeline.OK)
	p.exec("INSERT INTO t VALUES (3)")
	p.stop(0)
	p.state(1, "streaming", pipeline.Active)
	p.exec("INSERT INTO t VALUES (4)")
	p.held(1)
	p.stop(1)
	for i, d := range p.running {
		if strings.Contains(d.log.String(), "halted") {
			p.Errorf("daemon %d was halted: %s", i, &d.log)
		}
	}
	p.has("1 2 3 4")
}

// isMissed: a standby that takes over does not know whether there was a record; and a daemon that was paused meanwhile, which
// knows the record, does not put it back.
func (p *topicPair) isMissed() {
	p.start(0)
	p.exec("INSERT INTO t VALUES (1)")
	p.held(0)
	p.start(1)
	p.state(1, "standby", pipeline.Standby)
	paused := p.running[0].cmd.Process
	if err := paused.Signal(syscall.SIGSTOP); err != nil {
		p.Fatal(err)
	}
	p.kafka.DeleteTopic(p, p.topic)
	p.exec("INSERT INTO t VALUES (2)", "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database()")
	p.sinkIs(1, "no_record", pipeline.Halted)
	if err := paused.Signal(syscall.SIGCONT); err != nil {
		p.Fatal(err)
	}
	p.state(0, "standby", pipeline.Standby)
	p.sinkIs(1, "no_record", pipeline.Halted)
	if got := recordsIn(p.T, p.kafka, p.topic); len(got) > 0 {
		p.Errorf("the daemon that was paused has put back %s", got[0].Value)
	}
	tailrace(p.T, "accept", "-yes", "-pipeline", p.name, "no_record", p.files[0]).expect(p.T, 0, "it never gets what was committed before", "")
	i := p.delivers() // the daemon that has the slot when it looks again
	p.exec("INSERT INTO t VALUES (3)")
	p.held(i)
	p.stop(0)
	p.stop(1)
	p.has("1 2 3")
}

// isExpired: a topic that deletes records is named while all is well. When the record has expired and the slot is lost, no daemon
// takes its start for the first.
func (p *topicPair) isExpired() {
	p.kafka.CreateTopic(p, p.topic, 1, map[string]string{"cleanup.policy": "delete"})
	p.start(0)
	p.exec("INSERT INTO t VALUES (1)")
	p.held(0)
	p.sinkIs(0, "progress_expires", pipeline.Warning)
	warned := `warning: sink "kafka" "s" of pipeline "` + p.name + `": topic ` + p.topic + ` has cleanup.policy=delete`
	tailrace(p.T, "check", p.files[0]).expect(p.T, 0, "ok: 1 pipeline, 1 sink, checked live", warned)
	tailrace(p.T, "status", "-url", p.running[0].url).expect(p.T, 0, "WARNING progress_expires", "")
	p.stop(0)
	p.kafka.PurgeTopic(p, p.topic)
	p.exec("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()",
		"INSERT INTO t VALUES (2)")
	p.start(0)
	p.sinkIs(0, "progress_expired", pipeline.Halted)
	p.start(1)
	p.stop(0)
	p.sinkIs(1, "progress_expired", pipeline.Halted)
	p.exec("INSERT INTO t VALUES (3)")
	p.has("1")
	tailrace(p.T, "accept", "-yes", "-pipeline", p.name, "progress_expired", p.files[0]).expect(p.T, 0, "the pipeline ran before", "")
	p.held(1)
	p.stop(1)
	p.has("1 2 3") // by the snapshot
}
