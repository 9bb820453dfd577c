package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/testenv"
)

// topic is a pipeline's sink instead of a replica: a topic of a shared Kafka used by this pipeline alone, as is the name of
// its sink.
type topic struct {
	t        *testing.T
	kafka    *testenv.KafkaServer
	name     string
	progress string // the topic of the sink's record; "": the default
}

func newTopic(t *testing.T) *topic {
	t.Helper()
	kafka := testenv.SharedKafka(t)
	return &topic{t: t, kafka: kafka, name: testenv.NewTopic(t, kafka, 1)}
}

// sink is the block of the sink.
func (k *topic) sink() string {
	more := ""
	if k.progress != "" {
		more = fmt.Sprintf("\n    progress_topic = %q", k.progress)
	}
	return fmt.Sprintf("sink \"kafka\" %q {\n    brokers = [%q]\n    topic   = %q\n    format  = \"json\"%s\n  }",
		k.name, k.kafka.Brokers()[0], k.name, more)
}

// rows returns the rows of table items that the events yield, as "id=v".
func (k *topic) rows() string {
	k.t.Helper()
	rows := map[int]string{}
	for _, value := range k.values() {
		var event struct {
			Row struct {
				ID int
				V  string
			}
		}
		if err := json.Unmarshal(value, &event); err != nil {
			k.t.Fatalf("%s: %v", value, err)
		}
		rows[event.Row.ID] = event.Row.V
	}
	var texts []string
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		texts = append(texts, fmt.Sprintf("%d=%s", id, rows[id]))
	}
	return strings.Join(texts, " ")
}

// values returns the values of the topic's records. Markers are seen too, so the end is known.
func (k *topic) values() (values [][]byte) {
	k.t.Helper()
	end, err := k.kafka.Client(k.t).GetOffset(k.name, 0, sarama.OffsetNewest)
	if err != nil {
		k.t.Fatal(err)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(k.kafka.Direct()...), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{k.name: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		k.t.Fatal(err)
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(k.t.Context(), time.Minute)
	defer stop()
	for next := int64(0); next < end; {
		fetched := c.PollFetches(ctx)
		if err := fetched.Err0(); err != nil {
			k.t.Fatal(err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				values = append(values, r.Value)
			}
		})
	}
	return values
}
