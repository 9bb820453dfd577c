package kafka_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap/zaptest"

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

// consume reads a whole topic as it stands, read_committed, partition by partition.
func consume(t testing.TB, s *testenv.KafkaServer, topic string) (all []record) {
	t.Helper()
	client := s.Client(t)
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	partitions, err := client.Partitions(topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range partitions {
		end, err := client.GetOffset(topic, p, sarama.OffsetNewest)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, consumePartition(t, consumer, topic, p, end)...)
	}
	return all
}

func consumePartition(t testing.TB, c sarama.Consumer, topic string, p int32, end int64) (all []record) {
	t.Helper()
	pc, err := c.ConsumePartition(topic, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	for {
		select {
		case m := <-pc.Messages():
			r := record{partition: p, key: string(m.Key), value: string(m.Value), null: m.Value == nil, at: m.Timestamp}
			r.headers = map[string]string{}
			for _, h := range m.Headers {
				r.headers[string(h.Key)] = string(h.Value)
			}
			all = append(all, r)
			if m.Offset == end-1 {
				return all
			}
		case err := <-pc.Errors():
			t.Fatal(err)
		case <-time.After(2 * time.Second): // the last offsets may be markers, which a consumer does not see
			return all
		}
	}
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
