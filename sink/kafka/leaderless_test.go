package kafka_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/transform"
)

// A partition that no broker leads can be neither written to nor fenced: a writer that has something for it, Open and
// the check say which it is; and all goes on once it is back.
func TestPartitionOffline(t *testing.T) {
	needServers(t)
	server := testenv.Kafka(t, testenv.Nodes(3))
	o := options(server.Brokers(), "")
	topic := o.Pipeline + ".two"
	o.Topic = func(string, string) (string, error) { return topic, nil }
	for name, replicas := range map[string]map[int32][]int32{topic: {0: {1}, 1: {3}}, topic + ".other": {0: {3}}} {
		detail := &sarama.TopicDetail{NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: replicas}
		if err := server.Admin(t).CreateTopic(name, detail, false); err != nil {
			t.Fatal(err)
		}
		server.AwaitTopic(t, name)
	}
	s := newSink(t, o)
	s.Hasten(3*time.Second, 2*time.Second)
	s.OpenWithin(5 * time.Second)
	l := open(t, s)
	both := func(version int) (events []transform.Event) {
		for k := range 20 {
			events = append(events, row(capture.Update, k, version, ""))
		}
		return events
	}
	l.wait(l.mustWrite(both(1)...))
	if err := server.Nodes[2].Kill(); err != nil {
		t.Fatal(err)
	}
	awaitLeader(t, server.Direct()[0], topic, 1, -1)
	awaitLeader(t, server.Direct()[0], topic+".other", 0, -1)
	named := func(what string, err error) {
		t.Helper()
		p := problem(t, err, "partition_offline")
		if p.Halted || p.Usage || p.Reason != "no broker leads "+topic+"/1" || !strings.Contains(p.Fix, "a replica: 3\n") {
			t.Errorf("%s: %+v", what, p)
		}
	}
	l.mustWrite(both(2)...)
	named("the writer", l.failure())
	l.Close()
	why := openUntilOffline(t, s)
	named("open", why)
	if found := runFix(t, capture.AsProblem(why).Fix); !strings.Contains(found, "Topic: "+topic+"\tPartition: 1\t") {
		t.Errorf("the command of the fix finds %s", found)
	}
	other := options(server.Brokers(), topic+".other")
	unled := newSink(t, other)
	w := open(t, unled).Writer
	unled.OpenWithin(2 * time.Second)
	used, err := w.(sink.UsedBefore).UsedBefore(t.Context(), []*capture.Table{{Schema: "public", Name: "t"}})
	if p := capture.AsProblem(err); p == nil || p.State != "partition_offline" {
		t.Errorf("a topic that has no leader: %q, %v", used, err)
	}
	name, err := config.ParseTemplate(topic)
	if err != nil {
		t.Fatal(err)
	}
	set := &kafka.Settings{Brokers: server.Brokers(), Topic: name}
	errs := set.Check(t.Context(), o.Pipeline, "kafka")
	var warning *capture.Warning
	if len(errs) != 2 || !errors.As(errs[1], &warning) { // that is of the progress topic
		t.Fatalf("check: %v", errs)
	}
	named("check", errs[0])
	if err := server.Nodes[2].Start(); err != nil {
		t.Fatal(err)
	}
	awaitLeader(t, server.Direct()[0], topic, 1, 3)
	runFix(t, warning.Fix)
	for end := time.Now().Add(time.Minute); len(errs) != 0; time.Sleep(20 * time.Millisecond) { // a broker hears of it late
		if errs = set.Check(t.Context(), o.Pipeline, "kafka"); time.Now().After(end) {
			t.Fatalf("check after %s: %v", warning.Fix, errs)
		}
	}
	l = open(t, newSink(t, o))
	l.wait(l.mustWrite(both(2)...))
}

// openUntilOffline opens s while the cluster still finds its way without a node: that has other names.
func openUntilOffline(t *testing.T, s *kafka.Sink) error {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		_, err := tryOpen(t, s)
		if err == nil {
			t.Fatal("the sink was opened, and a partition is not fenced")
		}
		if p := capture.AsProblem(err); p != nil && p.State == "partition_offline" {
			return err
		}
		t.Logf("open: %v", err)
	}
	t.Fatal("the sink does not say that a partition is offline")
	return nil
}

// awaitLeader waits until a node names a broker as the leader of a partition.
func awaitLeader(t *testing.T, node, topic string, partition, leader int32) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = testenv.KafkaVersion
	b := sarama.NewBroker(node)
	if err := b.Open(conf); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		m, err := b.GetMetadata(&sarama.MetadataRequest{Version: 10, Topics: []string{topic}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Topics[0].Partitions {
			if p.ID == partition && p.Leader == leader {
				return
			}
		}
	}
	t.Fatalf("the leader of %s/%d is not %d", topic, partition, leader)
}
