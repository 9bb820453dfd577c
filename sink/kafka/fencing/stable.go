package fencing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// fenceUntilStable (I8) calls write, which returns when markers are written, until each marker has reached its
// partition: where a partition has no leader, a coordinator may drop the marker silently (Kafka 4.3: tested; 4.1
// waits). So before and after write all partitions must have a leader, the same one, as the coordinator sees it.
func (f *TransactionalID) fenceUntilStable(ctx context.Context, partitions map[string][]int32, write func() error) error {
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
func (f *TransactionalID) leaders(ctx context.Context, partitions map[string][]int32) (leaders, error) {
	for p, until := kafkaconnect.Pause(0), time.Now().Add(topics.MissingAfter); ; {
		l, err := f.leadersNow(ctx, partitions)
		if err == nil || !kafkaconnect.IsTransient(err) || time.Now().After(until) {
			return l, err
		}
		if err := p.Sleep(ctx, err); err != nil {
			return l, err
		}
	}
}

func (f *TransactionalID) leadersNow(ctx context.Context, partitions map[string][]int32) (leaders, error) {
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
		return l, fmt.Errorf("fence the partitions of %s: %w", f.Name, err)
	}
	var all []topics.Partition
	found := topics.FromMetadata(m, slices.Collect(maps.Keys(partitions))...)
	for name, ids := range partitions {
		t := found[name]
		if t.Err != nil {
			return l, fmt.Errorf("fence the partitions of topic %s: %w", name, t.Err)
		}
		for _, id := range ids {
			if int(id) < len(t.Topic.Partitions) {
				l.epochs[partitionName{name, id}] = t.Topic.Partitions[id].Epoch
				all = append(all, t.Topic.Partitions[id])
			}
		}
	}
	return l, topics.Offline(f.cluster, all)
}
