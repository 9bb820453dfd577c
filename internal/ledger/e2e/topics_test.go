package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/internal/ledger"
	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// prefix of the topics; the table's name follows.
const prefix = "ledger."

// partitions of each topic.
const partitions = 4

// topics is the rig's own view of the topics.
type topics struct {
	seeds  []string
	names  []string
	client *kgo.Client
}

func newTopics(t *testing.T, seeds []string) *topics {
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.RequestRetries(0), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	s := &topics{seeds: seeds, client: client}
	for _, table := range workload.Tables() {
		s.names = append(s.names, prefix+table)
	}
	return s
}

// marks reads the high watermarks. A missing topic counts as empty. Records of a transaction count as soon as
// they are written: once its coordinator has logged the commit it is durable, though its markers follow later.
func (s *topics) marks() (map[ledger.Partition]int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	for _, name := range s.names {
		topic := kmsg.NewListOffsetsRequestTopic()
		topic.Topic = name
		for p := range int32(partitions) {
			partition := kmsg.NewListOffsetsRequestTopicPartition()
			partition.Partition, partition.Timestamp = p, -1
			topic.Partitions = append(topic.Partitions, partition)
		}
		request.Topics = append(request.Topics, topic)
	}
	// The single broker leads all partitions, so it can be asked without metadata.
	answer, err := request.RequestWith(ctx, s.client.Broker(1))
	if err != nil {
		return nil, fmt.Errorf("read high watermarks: %w", err)
	}
	marks := map[ledger.Partition]int64{}
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			switch err := kerr.ErrorForCode(p.ErrorCode); {
			case err == nil:
				marks[ledger.Partition{Topic: topic.Topic, ID: p.Partition}] = p.Offset
			case !errors.Is(err, kerr.UnknownTopicOrPartition):
				return nil, fmt.Errorf("read high watermark of %s: %w", topic.Topic, err)
			}
		}
	}
	return marks, nil
}

// size returns the number of records in all partitions.
func (s *topics) size() (n int64) {
	marks, _ := s.marks()
	for _, m := range marks {
		n += m
	}
	return n
}

// history reads everything from the beginning to the current end, as a consumer that sees committed records only: changes, and the
// events that blocks have made.
func (s *topics) history(t *testing.T) (changes, events []ledger.Observation) {
	marks, err := s.marks()
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]map[int32]kgo.Offset{}
	left := map[ledger.Partition]int64{}
	for p, end := range marks {
		if end == 0 {
			continue
		}
		if from[p.Topic] == nil {
			from[p.Topic] = map[int32]kgo.Offset{}
		}
		from[p.Topic][p.ID] = kgo.NewOffset().At(0)
		left[p] = end
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.seeds...), kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for len(left) > 0 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		fetches := client.PollFetches(ctx)
		cancel()
		if err := fetches.Err(); err != nil {
			t.Fatalf("read topics: %v", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			p := ledger.Partition{Topic: r.Topic, ID: r.Partition}
			if r.Offset+1 >= left[p] {
				delete(left, p)
			}
			if r.Attrs.IsControl() {
				return
			}
			into, observe := &changes, observeChange
			if !strings.HasPrefix(r.Topic, prefix) {
				into, observe = &events, observeEvent
			}
			o, err := observe(p, r)
			if err != nil {
				t.Fatal(err)
			}
			*into = append(*into, o)
		})
	}
	return changes, events
}

func observeChange(p ledger.Partition, r *kgo.Record) (ledger.Observation, error) {
	return ledger.Observe(p, r.Offset, r.Key, r.Value, header(r, "ce_id"))
}

func observeEvent(p ledger.Partition, r *kgo.Record) (ledger.Observation, error) {
	var headers []ledger.Header
	for _, h := range r.Headers {
		headers = append(headers, ledger.Header{Name: h.Key, Value: string(h.Value)})
	}
	return ledger.ObserveEvent(p, r.Offset, r.Key, r.Value, headers)
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Key, name) {
			return string(h.Value)
		}
	}
	return ""
}
