package kafka_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// needServers leaves a test out of `make test-short`.
func needServers(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real Kafka")
	}
}

var pipelines atomic.Int64

// pipeline is a name that no other test uses.
func pipeline() string {
	return fmt.Sprintf("p%d-%d", time.Now().UnixNano()%1e9, pipelines.Add(1))
}

// options are those of a plain sink into topic.
func options(brokers []string, topic string) kafka.Options {
	return kafka.Options{
		Pipeline: pipeline(), Name: "kafka", Brokers: brokers, Format: "json",
		Topic: func(string, string) (string, error) { return topic, nil },
	}
}

func newSink(t testing.TB, o kafka.Options) *kafka.Sink {
	t.Helper()
	s, err := kafka.New(o, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// record is what a consumer gets.
type record struct {
	partition  int32
	key, value string
	headers    map[string]string
	null       bool
	at         time.Time
}

// consume reads a whole topic as it stands, partition by partition. Markers are seen too, so the end is known.
func consume(t testing.TB, s *testenv.KafkaServer, topic string) []record {
	t.Helper()
	return consumeFrom(t, s.Direct(), topic)
}

func consumeFrom(t testing.TB, brokers []string, topic string) (all []record) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_7_0_0
	client, err := sarama.NewClient(brokers, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	partitions, err := client.Partitions(topic)
	if err != nil {
		t.Fatal(err)
	}
	from, ends := map[int32]kgo.Offset{}, map[int32]int64{}
	for _, p := range partitions {
		ends[p] = endOf(t, client, topic, p)
		if from[p] = kgo.NewOffset().AtStart(); ends[p] == 0 {
			delete(ends, p)
		}
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for len(ends) > 0 {
		f := c.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() && ends[r.Partition] > r.Offset && string(r.Key) != probeKey {
				all = append(all, recordOf(r))
			}
			if r.Offset >= ends[r.Partition]-1 {
				delete(ends, r.Partition)
			}
		})
	}
	slices.SortStableFunc(all, func(a, b record) int { return int(a.partition - b.partition) })
	return all
}

// endOf returns the offset after the last record of a partition, whose leader may have moved a moment ago.
func endOf(t testing.TB, client sarama.Client, topic string, partition int32) int64 {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
		if err == nil {
			return end
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

func recordOf(r *kgo.Record) record {
	out := record{partition: r.Partition, key: string(r.Key), value: string(r.Value), null: r.Value == nil, at: r.Timestamp}
	out.headers = map[string]string{}
	for _, h := range r.Headers {
		out.headers[h.Key] = string(h.Value)
	}
	return out
}

// versions reads rows of sinktest.Table from records in format json, and checks that a key stays on its partition.
func versions(t testing.TB, records []record) (seen []sinktest.Seen) {
	t.Helper()
	home := map[int]int32{}
	for _, r := range records {
		var v struct {
			Row struct {
				ID  int `json:"id"`
				Ver int `json:"ver"`
			} `json:"row"`
		}
		if err := json.Unmarshal([]byte(r.value), &v); err != nil {
			t.Fatalf("value %q: %v", r.value, err)
		}
		if want := `{"id":` + strconv.Itoa(v.Row.ID) + `}`; r.key != want {
			t.Fatalf("key %q with value %q", r.key, r.value)
		}
		if p, ok := home[v.Row.ID]; ok && p != r.partition {
			t.Fatalf("key %d is on partitions %d and %d", v.Row.ID, p, r.partition)
		}
		home[v.Row.ID] = r.partition
		seen = append(seen, sinktest.Seen{Key: v.Row.ID, Version: v.Row.Ver})
	}
	return seen
}

func TestContract(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	sinktest.Run(t, func(t *testing.T) sinktest.Target {
		topic := testenv.NewTopic(t, server, 3)
		o := options(server.Brokers(), topic)
		return sinktest.Target{
			New:  func(t *testing.T) sink.Sink { return newSink(t, o) },
			Read: func(t *testing.T) []sinktest.Seen { return versions(t, consume(t, server, topic)) },
		}
	})
}

func laneOf(t testing.TB) sink.Lane {
	return sink.Lane{Name: "main", Origin: sinktest.Origin, OnDurable: func(capture.Position) {}, Failed: func(err error) { t.Log(err) }}
}
