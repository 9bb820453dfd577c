package kafka_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/kafka/topics"
	"github.com/tailrace/tailrace/transform"
)

// badTopics are names that a row may bring and that no event is written to.
var badTopics = map[string]string{
	"Order Notes":               `"Order Notes" cannot be the name of a topic`,
	"..":                        `".." cannot be the name of a topic`,
	strings.Repeat("x", 250):    "cannot be the name of a topic",
	"__consumer_offsets":        "internal topic",
	kafka.DefaultProgressTopic:  "topic of the progress records",
	"orders\nx":                 "cannot be the name of a topic",
	strings.Repeat("ü", 10_000): `..." cannot be the name of a topic`,
}

// An event whose row names a topic that Kafka cannot have is rejected by itself: what precedes it becomes durable.
func TestTopicOfARowThatCannotBe(t *testing.T) {
	for name, why := range badTopics {
		_, s := one(t, "a")
		l := open(t, s)
		_, err := l.write(into("a", name, "a")...)
		var r *sink.Rejected
		if !errors.As(err, &r) || r.Reason != "topic_name" || !strings.Contains(r.Error(), why) || len(r.Error()) > 1000 {
			t.Errorf("%.40q: %v", name, err)
			continue
		}
		if want := (capture.Position{LSN: l.lsn, Seq: 1}); r.At != want || r.Table != "public.ledger" || r.Key != `{"id":1}` {
			t.Errorf("%.40q: rejected %+v", name, r)
		}
		l.wait(r.At)
	}
}

// With a dead letter topic the events that follow are published.
func TestDeadLetterOfABadTopic(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "a", "dead"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	o := options(c.ListenAddrs(), "ledger")
	o.DeadLetter = "dead"
	l := open(t, newSink(t, o))
	var names []string
	for name := range badTopics {
		names = append(names, "a", name)
	}
	l.wait(l.mustWrite(into(names...)...))
	if got := consumeFrom(t, c.ListenAddrs(), "a"); len(got) != len(badTopics) {
		t.Errorf("topic a has %d records, want %d", len(got), len(badTopics))
	}
	dead := consumeFrom(t, c.ListenAddrs(), "dead")
	if len(dead) != len(badTopics) {
		t.Fatalf("%d dead letters, want %d", len(dead), len(badTopics))
	}
	for _, r := range dead {
		if topic := r.headers["tailrace_topic"]; r.headers["tailrace_reason"] != "topic_name" || r.key != `{"id":1}` || topic == "" || len(topic) > 300 {
			t.Errorf("dead letter %+v", r)
		}
	}
}

// A topic that a block names is one of the settings: create_topics needs no pattern for it, and check looks at it.
func TestTopicThatABlockNames(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	o := options(c.ListenAddrs(), "ledger")
	o.Fixed = []string{"shop.messages", "internal messages"}
	o.Create = &topics.Creation{Partitions: 1}
	l := open(t, newSink(t, o))
	l.wait(l.mustWrite(into("shop.messages")...))
	if got := consumeFrom(t, c.ListenAddrs(), "shop.messages"); len(got) != 1 {
		t.Errorf("%d records", len(got))
	}
	if _, err := l.write(into("shop.others")...); err == nil {
		t.Error("a topic that the file does not name was created")
	} else {
		problem(t, err, "topic_missing")
	}
}

// The topic of a message is named by its prefix, which the application chooses: it is created only where create_topics names it.
func TestTopicOfAMessage(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	o := options(c.ListenAddrs(), "")
	o.Topic = func(_, name string) (string, error) { return name, nil }
	o.Create = &topics.Creation{Names: []string{"shop.*"}, Partitions: 1}
	message := func(prefix string) transform.Event {
		return transform.Event{
			Change: &capture.Change{
				Op: capture.Message, Table: &capture.Table{Name: prefix, Columns: []capture.Column{{Name: "content", Type: &capture.Type{}}}},
			}, HasData: true, Data: []byte("x"),
		}
	}
	l := open(t, newSink(t, o))
	l.wait(l.mustWrite(message("shop.paid")))
	if got := consumeFrom(t, c.ListenAddrs(), "shop.paid"); len(got) != 1 {
		t.Errorf("%d records", len(got))
	}
	_, err = l.write(message("other.paid"))
	problem(t, err, "topic_missing")
	l.Close()
	_, err = open(t, newSink(t, o)).write(message("shop paid"))
	if r := (*sink.Rejected)(nil); !errors.As(err, &r) || r.Reason != "topic_name" {
		t.Errorf("a prefix that is no topic: %v", err)
	}
}

// Topics that rows bring in mid stream are registered, fenced and continued as those of tables are, over a restart and against an
// older Writer. A name that collides with another topic is rejected by itself.
func TestTopicsOfRowsOnARealBroker(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	o := options(server.Brokers(), "")
	o.Create = &topics.Creation{Names: []string{o.Pipeline + ".*", o.Pipeline + "_*"}, Partitions: 2}
	of := func(topic string, key, version int) transform.Event {
		e := row(capture.Insert, key, version, "")
		e.Topic = o.Pipeline + topic
		return e
	}
	first := open(t, newSink(t, o))
	first.wait(first.mustWrite(of(".order", 1, 1)))
	end := first.mustWrite(of(".customer", 2, 1), of(".order", 1, 2)) // a topic that is new in mid stream
	first.wait(end)

	second := open(t, newSink(t, o)) // without closing the first: it is fenced on both topics
	if second.progress.Position != end {
		t.Fatalf("the restart begins at %s, want %s", second.progress.Position, end)
	}
	_, err := first.write(of(".customer", 3, 1), of(".order", 3, 1))
	if err == nil {
		err = first.failure()
	}
	if !errors.Is(err, sink.ErrFenced) {
		t.Errorf("the older Writer fails with %v", err)
	}
	second.wait(second.mustWrite(of(".customer", 2, 2), of(".invoice", 4, 1), of(".order", 1, 3)))
	got := map[string][]int{}
	for _, topic := range []string{".order", ".customer", ".invoice"} {
		for _, s := range versions(t, consume(t, server, o.Pipeline+topic)) {
			got[topic] = append(got[topic], 10*s.Key+s.Version)
		}
	}
	want := map[string][]int{".order": {11, 12, 13}, ".customer": {21, 22}, ".invoice": {41}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("versions by topic (-want +got):\n%s", d)
	}

	_, err = second.write(of(".order", 1, 4), of("_order", 5, 1)) // in the names of metrics both are one
	if r := (*sink.Rejected)(nil); !errors.As(err, &r) || r.Reason != "topic_name" {
		t.Fatalf("a topic that collides: %v", err)
	}
	second.wait(capture.Position{LSN: second.lsn, Seq: 1})
}
