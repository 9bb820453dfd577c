package kafka_test

import (
	"slices"
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
)

// To look creates no topic, whatever the cluster would create on the way.
func TestUsedBeforeCreatesNothing(t *testing.T) {
	c, err := kfake.NewCluster(kfake.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	l := open(t, newSink(t, options(c.ListenAddrs(), "missing")))
	for range 2 {
		if got, err := l.Writer.(sink.UsedBefore).UsedBefore(t.Context(), []*capture.Table{{Schema: "public", Name: "t"}}); err != nil || got != "" {
			t.Errorf("%q, %v", got, err)
		}
	}
	client, err := sarama.NewClient(c.ListenAddrs(), sarama.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if names, err := client.Topics(); err != nil || slices.Contains(names, "missing") {
		t.Errorf("topics %v, %v", names, err)
	}
}

// Records are found in whichever partition they are, and whichever broker leads that.
func TestUsedBeforeLooksIntoEachPartition(t *testing.T) {
	topics := []string{"p0", "p1", "p2", "p3"}
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(int32(len(topics)), topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i, topic := range topics {
		r := &kgo.Record{Topic: topic, Partition: int32(i), Value: []byte("x")}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		l := open(t, newSink(t, options(c.ListenAddrs(), topic)))
		for range 20 { // the brokers are asked in any order
			got, err := l.Writer.(sink.UsedBefore).UsedBefore(t.Context(), []*capture.Table{{Schema: "public", Name: "t"}})
			if err != nil || got != "topic "+topic+" has records already" {
				t.Fatalf("partition %d: %q, %v", i, got, err)
			}
		}
	}
}

// A topic that has records is named to a sink whose record does not tell of it. To look creates no topic.
func TestUsedBefore(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 3)
	o := options(server.Brokers(), topic)
	first := open(t, newSink(t, o))
	used := func(w sink.Writer, want string) {
		t.Helper()
		got, err := w.(sink.UsedBefore).UsedBefore(t.Context(), []*capture.Table{{Schema: "public", Name: "t"}, {Schema: "public", Name: "u"}})
		if err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	used(first.Writer, "")
	first.wait(first.mustWrite(row(capture.Insert, 1, 1, "")))
	again := open(t, newSink(t, o))
	used(again.Writer, "") // its record names the topic

	other := o
	other.Pipeline = pipeline()
	used(open(t, newSink(t, other)).Writer, "topic "+topic+" has records already")
	second := o
	second.Pipeline = pipeline()
	second.Topic = func(_, table string) (string, error) {
		return map[string]string{"t": topic + ".missing", "u": topic}[table], nil
	}
	used(open(t, newSink(t, second)).Writer, "topic "+topic+" has records already")
	server.PurgeTopic(t, topic) // as its retention does
	used(open(t, newSink(t, other)).Writer, "")

	missing := o
	missing.Pipeline = pipeline()
	missing.Topic = func(string, string) (string, error) { return topic + ".missing", nil }
	used(open(t, newSink(t, missing)).Writer, "")
	names, err := server.Client(t).Topics()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(names, topic+".missing") {
		t.Error("it has made the topic")
	}
}
