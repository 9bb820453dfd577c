package kafka_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/kafka/topics"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

// What stands before an event whose topic is missing is held, the event is not skipped, and it arrives once the topic is
// there.
func TestTopicMissingThenCreated(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 2)
	o := options(server.Brokers(), topic)
	s := newSink(t, o)
	l := open(t, s)
	other := row(capture.Insert, 2, 1, "")
	other.Topic = topic + ".late"
	_, err := l.write(row(capture.Insert, 1, 1, ""), other, row(capture.Update, 1, 2, ""))
	missing := problem(t, err, "topic_missing")
	if !strings.Contains(missing.Fix, topic+".late") || missing.Halted {
		t.Errorf("problem %+v", missing)
	}
	l.wait(capture.Position{LSN: l.lsn, Seq: 1})
	if _, err := l.write(row(capture.Update, 1, 3, "")); capture.AsProblem(err) == nil {
		t.Errorf("the Writer goes on with %v", err)
	}
	l.Close()
	runFix(t, missing.Fix, "...", "1")
	l2 := open(t, s)
	if want := (capture.Position{LSN: l.lsn - 0x100, Seq: 1}); l2.progress.Position != want {
		t.Fatalf("reopened at %s, want %s", l2.progress.Position, want)
	}
	l2.wait(l2.mustWrite(other, row(capture.Update, 1, 2, "")))
	if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: 2}); err != nil {
		t.Error(err)
	}
	if err := sinktest.Check(versions(t, consume(t, server, topic+".late")), map[int]int{2: 1}); err != nil {
		t.Error(err)
	}
}

func TestTopicsAreCreated(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	o := options(server.Brokers(), "")
	name := o.Pipeline + ".own"
	o.Topic = func(string, string) (string, error) { return name, nil }
	o.Create = &topics.Creation{
		Names: []string{o.Pipeline + ".outbox.*"}, Partitions: 4, Config: map[string]string{"retention.ms": "7200000"},
	}
	l := open(t, newSink(t, o))
	of := func(topic string) transform.Event {
		e := row(capture.Insert, 1, 1, "")
		e.Topic = topic
		return e
	}
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, ""), of(o.Pipeline+".outbox.order")))
	if _, err := l.write(of(o.Pipeline + ".elsewhere")); err == nil {
		t.Error("a topic that is not listed was created from row data")
	} else {
		problem(t, err, "topic_missing")
	}
	found, err := server.Admin(t).ListTopics()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{name, o.Pipeline + ".outbox.order"} {
		d := found[n]
		if d.NumPartitions != 4 || d.ConfigEntries["retention.ms"] == nil || *d.ConfigEntries["retention.ms"] != "7200000" {
			t.Errorf("topic %s: %+v", n, d)
		}
	}
	if p := found[kafka.DefaultProgressTopic]; p.NumPartitions != 1 || *p.ConfigEntries["cleanup.policy"] != "compact" {
		t.Errorf("progress topic %+v", p)
	}
}

func TestInvalidTopicName(t *testing.T) {
	needServers(t)
	l := open(t, newSink(t, options(testenv.SharedKafka(t).Brokers(), "Order Notes")))
	_, err := l.write(row(capture.Insert, 1, 1, ""))
	if p := problem(t, err, "topic_invalid"); !p.Halted {
		t.Errorf("problem %+v", p)
	}
}

// A topic that takes none of our records halts the lane: an operator has to change it.
func TestRefused(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	o := options(server.Brokers(), "")
	topic := o.Pipeline + ".compacted"
	server.CreateTopic(t, topic, 1, map[string]string{"cleanup.policy": "compact"})
	o.Topic = func(string, string) (string, error) { return topic, nil }
	l := open(t, newSink(t, o))
	e := row(capture.Insert, 1, 1, "")
	e.HasKey = true // by nothing
	l.mustWrite(e)
	p := problem(t, l.failure(), "refused")
	if !p.Halted || !p.Usage {
		t.Errorf("problem %+v", p)
	}
	if said := runFix(t, p.Fix); !strings.Contains(said, topic) || !strings.Contains(said, "cleanup.policy=compact") {
		t.Errorf("the command of the fix says %s", said)
	}
}

// A truncation goes to all partitions, a null key to one.
func TestPlaces(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 5)
	l := open(t, newSink(t, options(server.Brokers(), topic)))
	var events []transform.Event
	for range 10 {
		e := row(capture.Insert, 1, 1, "")
		e.HasKey = true
		events = append(events, e)
	}
	l.wait(l.mustWrite(append(events, row(capture.Truncate, 0, 0, ""))...))
	places := map[string][]int32{}
	for _, r := range consume(t, server, topic) {
		op, _, _ := strings.Cut(strings.TrimPrefix(r.value, `{"op":"`), `"`)
		places[op] = append(places[op], r.partition)
	}
	if want := []int32{0, 1, 2, 3, 4}; !slices.Equal(places["truncate"], want) {
		t.Errorf("the truncation is on %v", places["truncate"])
	}
	if p := slices.Compact(places["insert"]); len(p) != 1 {
		t.Errorf("null keys are on %v", p)
	}
}

// Added partitions are taken over while the line runs.
func TestPartitionsRaised(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 2)
	s := newSink(t, options(server.Brokers(), topic))
	s.Refresh(200 * time.Millisecond)
	l := open(t, s)
	version := 0
	all := func() (events []transform.Event) {
		version++
		for k := range 40 {
			events = append(events, row(capture.Update, k, version, pad(100)))
		}
		return events
	}
	for range 20 {
		l.mustWrite(all()...)
	}
	if err := server.Admin(t).CreatePartitions(topic, 7, nil, false); err != nil {
		t.Fatal(err)
	}
	var last capture.Position
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		last = l.mustWrite(all()...)
	}
	l.wait(last)
	seen := map[int32]int{}
	byKey := map[string][]record{}
	for _, r := range consume(t, server, topic) {
		seen[r.partition]++
		byKey[r.key] = append(byKey[r.key], r)
	}
	if len(seen) != 7 {
		t.Errorf("records by partition: %v", seen)
	}
	for key, records := range byKey { // a key that moved keeps its order in time
		slices.SortStableFunc(records, func(a, b record) int { return a.at.Compare(b.at) })
		if len(records) != version {
			t.Errorf("key %s has %d records of %d", key, len(records), version)
		}
	}
}

// A topic that is deleted and made again in mid stream: what was held stays the user's loss, the rest arrives.
func TestTopicRecreated(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 2)
	s := newSink(t, options(server.Brokers(), topic))
	s.Refresh(200 * time.Millisecond)
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	admin := server.Admin(t)
	if err := admin.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	_, _ = l.write(row(capture.Insert, 2, 1, ""))
	problem(t, l.failure(), "topic_missing")
	l.Close()
	server.CreateTopic(t, topic, 3, nil)
	l = open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 2, 1, "")))
	if err := errors.Join(admin.DeleteTopic(topic), recreate(admin, topic)); err != nil {
		t.Fatal(err)
	}
	if err := l.failure(); !strings.Contains(err.Error(), "deleted and created again") && capture.AsProblem(err) == nil {
		t.Fatalf("failed with %v", err)
	}
	l.Close()
	l = open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 3, 1, "")))
	if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{3: 1}); err != nil {
		t.Error(err)
	}
}

// recreate waits until the deleted topic is gone.
func recreate(admin sarama.ClusterAdmin, topic string) (err error) {
	for range 100 {
		if err = admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1}, false); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// Batches that the broker finds too large are split; the topic's limit may be lowered at any time.
func TestBatchesAreSplit(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 1)
	s := newSink(t, options(server.Brokers(), topic))
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 0, 1, "")))
	setMax(t, server, topic, 20000)
	want := map[int]int{0: 1}
	var last capture.Position
	for round := range 5 {
		var events []transform.Event
		for k := 1; k < 200; k++ {
			want[k] = round + 1
			events = append(events, row(capture.Insert, k, round+1, pad(1000)))
		}
		last = l.mustWrite(events...)
	}
	l.wait(last)
	if err := sinktest.Check(versions(t, consume(t, server, topic)), want); err != nil {
		t.Error(err)
	}
	if s.Counts().Retries == 0 {
		t.Error("nothing was too large")
	}
}

// setMax sets the size of the largest batch of a topic with one partition, and waits until the broker applies it,
// which it does some time after its answer.
func setMax(t *testing.T, server *testenv.KafkaServer, topic string, size int) {
	t.Helper()
	value := strconv.Itoa(size)
	err := server.Admin(t).AlterConfig(sarama.TopicResource, topic, map[string]*string{"max.message.bytes": &value}, false)
	if err != nil {
		t.Fatal(err)
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(server.Brokers()...), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		probe := &kgo.Record{Topic: topic, Key: []byte(probeKey), Value: []byte(pad(size + 1))}
		err := producer.ProduceSync(t.Context(), probe).FirstErr()
		if errors.Is(err, kerr.MessageTooLarge) {
			return
		}
		if err != nil || time.Now().After(until) {
			t.Fatalf("a record larger than %d bytes: %v", size, err)
		}
	}
}

// probeKey is the key of records that setMax writes; consume leaves them out.
const probeKey = "probe"

// One event that is too large: everything before it becomes durable, and the error of Write names it.
func TestTooLargeIsRejected(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 1)
	for _, size := range []int{1 << 20, 10 << 20} { // found after encoding, and before
		l := open(t, newSink(t, options(server.Brokers(), topic)))
		_, err := l.write(row(capture.Insert, 1, 1, ""), row(capture.Insert, 2, 1, pad(size)), row(capture.Insert, 3, 1, ""))
		var r *sink.Rejected
		if !errors.As(err, &r) {
			t.Fatalf("write: %v", err)
		}
		got := sink.Rejected{At: r.At, Table: r.Table, Key: r.Key, Reason: r.Reason}
		want := sink.Rejected{At: capture.Position{LSN: l.lsn, Seq: 1}, Table: "public.ledger", Key: `{"id":2}`, Reason: "too_large"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("rejected (-want +got):\n%s", d)
		}
		l.wait(want.At)
	}
	if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: 1}); err != nil {
		t.Error(err)
	}
}

// The limit of a topic is lowered while a record is on its way: a rewind, and then Write rejects it.
func TestTooLargeIsLearned(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 1)
	s := newSink(t, options(server.Brokers(), topic))
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	setMax(t, server, topic, 20000)
	l.mustWrite(row(capture.Insert, 2, 1, pad(50_000)))
	if err := l.failure(); capture.AsProblem(err) != nil || errors.Is(err, sink.ErrFenced) {
		t.Fatalf("failed with %v, want a rewind", err)
	}
	l.Close()
	l = open(t, s)
	_, err := l.write(row(capture.Insert, 2, 1, pad(50_000)))
	if r := (*sink.Rejected)(nil); !errors.As(err, &r) {
		t.Fatalf("write: %v", err)
	}
}

func TestDeadLetters(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic, dead := testenv.NewTopic(t, server, 1), testenv.NewTopic(t, server, 1)
	o := options(server.Brokers(), topic)
	o.DeadLetter = dead
	s := newSink(t, o)
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, ""), row(capture.Insert, 2, 1, pad(3<<20)), row(capture.Insert, 3, 1, "")))
	if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: 1, 3: 1}); err != nil {
		t.Error(err)
	}
	letters := consume(t, server, dead)
	if len(letters) != 1 || letters[0].key != `{"id":2}` || !letters[0].null {
		t.Fatalf("dead letters %+v", letters)
	}
	h := letters[0].headers
	if !strings.Contains(h["tailrace_error"], "max.message.bytes") {
		t.Errorf("tailrace_error %q", h["tailrace_error"])
	}
	delete(h, "tailrace_error")
	at := capture.Position{LSN: l.lsn, Seq: 1}.String()
	want := map[string]string{
		"tailrace_reason": "too_large", "tailrace_topic": topic, "tailrace_table": "public.ledger",
		"tailrace_position": at, "tailrace_op": "insert",
	}
	if d := cmp.Diff(want, h); d != "" {
		t.Errorf("headers (-want +got):\n%s", d)
	}
	if c := s.Counts(); c.Rejected != 1 || c.Records != 3 {
		t.Errorf("counts %+v", c)
	}
}

func TestTombstonesAndHeaders(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 1)
	o := options(server.Brokers(), topic)
	o.Format, o.Tombstones = "cloudevents", true
	l := open(t, newSink(t, o))
	before := time.Now().Add(-time.Second)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, ""), row(capture.Insert, 2, 1, ""), row(capture.Delete, 1, 1, "")))
	got := consume(t, server, topic)
	if len(got) != 4 || !got[3].null || got[3].key != `{"id":1}` || got[2].null {
		t.Fatalf("records %+v", got)
	}
	for i, r := range got[:3] {
		if id := r.headers["ce_id"]; !strings.HasSuffix(id, string("/012"[i+1])) || r.headers["ce_subject"] != r.key {
			t.Errorf("record %d: headers %v", i, r.headers)
		}
		if r.at.Before(before) || r.at.After(time.Now().Add(time.Second)) {
			t.Errorf("record %d is of %s, want now", i, r.at)
		}
	}
}
