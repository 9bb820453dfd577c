package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
)

// maxOfflineNamed is how many partitions without a leader a reason names.
const maxOfflineNamed = 5

// offline returns the state of the partitions that have no leader; nil when all have one. They can neither be fenced
// nor written to until one of their brokers is back.
func offline(c *kafkaconnect.Cluster, partitions []*partition) error {
	var names []string
	var brokers []int32
	for _, p := range partitions {
		if p.leader < 0 {
			names = append(names, fmt.Sprintf("%s/%d", p.topic.name, p.id))
			brokers = append(brokers, p.replicas...)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	slices.Sort(brokers)
	more := ""
	if n := len(names) - maxOfflineNamed; n > 0 {
		names, more = names[:maxOfflineNamed], fmt.Sprintf(" and %d more", n)
	}
	// The first broker may be one of those that are down, so the command has all of them.
	fix := kafkaconnect.ToolAt("kafka-topics.sh", c.Seeds...) + " --describe --unavailable-partitions"
	if len(brokers) > 0 {
		which := strings.Trim(fmt.Sprint(slices.Compact(brokers)), "[]")
		fix = "start the brokers that have a replica: " + which + "\n" + fix
	}
	return &capture.Problem{
		State: "partition_offline", Reason: "no broker leads " + strings.Join(names, ", ") + more, Fix: fix,
	}
}

// allPartitions returns the partitions of topics.
func allPartitions(topics map[string]*topic) (all []*partition) {
	for _, t := range topics {
		all = append(all, t.parts...)
	}
	return all
}

// fenceUntilStable (I8) calls write, which returns when markers are written, until each marker has reached its
// partition: where a partition has no leader, a coordinator may drop the marker silently (Kafka 4.3: tested; 4.1
// waits). So before and after write all partitions must have a leader, the same one, as the coordinator sees it.
func (f *fencing) fenceUntilStable(ctx context.Context, partitions map[string][]int32, write func() error) error {
	before, err := f.leaders(ctx, partitions)
	for err == nil {
		if err = write(); err != nil {
			return err
		}
		var after leaders
		if after, err = f.leaders(ctx, partitions); err == nil && after.conn == before.conn && maps.Equal(before.epochs, after.epochs) {
			return nil
		}
		before = after
	}
	return err
}

// leaders is what the coordinator knows of the leaders of partitions, and the connection over which it answered: over
// another connection it may be another broker.
type leaders struct {
	conn   *kafkaconnect.Conn
	epochs map[partitionName]int32
}

type partitionName struct {
	topic     string
	partition int32
}

// leaders fails when one of the partitions has no leader. A topic that was just created may be new to the
// coordinator, too.
func (f *fencing) leaders(ctx context.Context, partitions map[string][]int32) (leaders, error) {
	for p, until := kafkaconnect.Pause(0), time.Now().Add(missingAfter); ; {
		l, err := f.leadersNow(ctx, partitions)
		if err == nil || !kafkaconnect.IsTransient(err) || time.Now().After(until) {
			return l, err
		}
		if err := p.Sleep(ctx, err); err != nil {
			return l, err
		}
	}
}

func (f *fencing) leadersNow(ctx context.Context, partitions map[string][]int32) (leaders, error) {
	l := leaders{epochs: map[partitionName]int32{}}
	if len(partitions) == 0 {
		return l, nil
	}
	var m *sarama.MetadataResponse
	err := f.retry(ctx, func(k *kafkaconnect.Conn) (err error) {
		l.conn = k
		m, err = k.GetMetadata(&sarama.MetadataRequest{Version: 10, Topics: slices.Collect(maps.Keys(partitions))})
		return err
	})
	if err != nil {
		return l, fmt.Errorf("fence the partitions of %s: %w", f.id, err)
	}
	var all []*partition
	topics := topicsFrom(m)
	for name, ids := range partitions {
		t, ok := topics[name]
		if !ok {
			t.err = sarama.ErrUnknownTopicOrPartition
		}
		if t.err != nil {
			return l, fmt.Errorf("fence the partitions of topic %s: %w", name, t.err)
		}
		for _, id := range ids {
			if int(id) < len(t.topic.parts) {
				l.epochs[partitionName{name, id}] = t.topic.parts[id].epoch
				all = append(all, t.topic.parts[id])
			}
		}
	}
	return l, offline(f.cluster, all)
}

// whyBlocked adds to err why an Open has waited for markers until its time was up; err is the last answer of the
// coordinator, that it is busy with them. They wait for a partition in the progress record, which is read here
// without being fenced, for the message only.
func (s *Sink) whyBlocked(ctx context.Context, lane sink.Lane, err error) error {
	if !kafkaconnect.IsCode(err, sarama.ErrConcurrentTransactions) {
		return err
	}
	ctx, stop := context.WithTimeoutCause(ctx, 5*time.Second, kafkaconnect.ErrTimeout)
	defer stop()
	if why := s.leaderless(ctx, lane); why != nil {
		return fmt.Errorf("%w (%w)", err, why)
	}
	return err
}

// leaderless returns the state of the partitions of the lane that have no leader; nil when all have one.
func (s *Sink) leaderless(ctx context.Context, lane sink.Lane) error {
	home, err := s.ensureProgressTopic(ctx)
	if err != nil {
		return err
	}
	name, err := s.laneName(ctx, lane.Name, lane.Origin, home)
	if err != nil {
		return err
	}
	had, err := readProgress(ctx, s.cluster, home, s.progressKey(name))
	if err != nil || had.rec == nil {
		return err
	}
	known, err := s.existing(ctx, had.rec.Topics)
	if err != nil {
		return err
	}
	return offline(s.cluster, allPartitions(known))
}
