package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// For a moment a broker may not know a topic that was just created, or may not lead a partition whose leader has moved. The requests
// in this file are repeated after such an answer.

// described is a topic as the cluster describes it, or the error in place of it.
type described struct {
	topic *topic
	err   error
}

// describeTopics requests the descriptions of topics, until the answer for each of them is final.
func describeTopics(ctx context.Context, c *kafkaconnect.Cluster, names ...string) (map[string]described, error) {
	for p := kafkaconnect.Pause(0); ; {
		m, err := c.Metadata(ctx, names...)
		if err != nil {
			return nil, err
		}
		all := make(map[string]described, len(names))
		var moment error
		for n, t := range topicsFrom(m) {
			if all[n] = t; t.err != nil && kafkaconnect.IsTransient(t.err) && !kafkaconnect.IsCode(t.err, sarama.ErrUnknownTopicOrPartition) {
				moment = fmt.Errorf("describe topic %s: %w", n, t.err)
			}
		}
		for _, n := range names {
			if _, ok := all[n]; !ok {
				all[n] = described{err: sarama.ErrUnknownTopicOrPartition}
			}
		}
		if moment == nil {
			return all, nil
		}
		if err := p.Sleep(ctx, moment); err != nil {
			return nil, err
		}
	}
}

// askLeaders calls ask with a connection to each broker that leads some of the partitions ids of t, and with those
// ids. Where a broker does not lead them any more, or is gone, it describes t again and asks the new leader, until
// ctx ends. It waits for a missing leader as long as for a missing topic. It may call ask again for partitions for
// which ask has failed.
func askLeaders(ctx context.Context, c *kafkaconnect.Cluster, t *topic, ids []int32, ask func(k *kafkaconnect.Conn, ids []int32) error) error {
	until := time.Now().Add(missingAfter)
	for p := kafkaconnect.Pause(0); ; {
		var err error
		if ids, err = askEach(ctx, c, t, ids, ask); err == nil {
			return nil
		}
		gone := capture.AsProblem(err)
		if gone == nil && !kafkaconnect.IsTransient(err) || gone != nil && gone.State != "partition_offline" && gone.State != "kafka_unreachable" {
			return err
		}
		if stop := p.Sleep(ctx, err); stop != nil {
			return stop
		}
		moved, why := followLeaders(ctx, c, t, ids)
		switch late := time.Now().After(until); {
		case why != nil && (late || !kafkaconnect.IsTransient(why)):
			return fmt.Errorf("%w (%w)", err, why)
		case gone != nil && !moved && (late || gone.State == "kafka_unreachable"):
			return err
		}
	}
}

// askEach asks each leader once. It returns the partitions without an answer, with the first error.
func askEach(
	ctx context.Context, c *kafkaconnect.Cluster, t *topic, ids []int32, ask func(k *kafkaconnect.Conn, ids []int32) error,
) (left []int32, err error) {
	led := map[int32][]int32{} // partitions by their leader
	for _, id := range ids {
		led[t.parts[id].leader] = append(led[t.parts[id].leader], id)
	}
	for leader, ids := range led {
		if e := askLeader(ctx, c, t, leader, ids, ask); e != nil {
			if left = append(left, ids...); err == nil || kafkaconnect.IsTransient(err) && !kafkaconnect.IsTransient(e) {
				err = e
			}
		}
	}
	return left, err
}

func askLeader(
	ctx context.Context, c *kafkaconnect.Cluster, t *topic, leader int32, ids []int32,
	ask func(k *kafkaconnect.Conn, ids []int32) error,
) error {
	if leader < 0 {
		return offline(c, partitionsByID(t, ids))
	}
	addr, ok := c.Addr(leader)
	if !ok {
		return fmt.Errorf("the cluster names no address for broker %d: %w", leader, sarama.ErrBrokerNotAvailable)
	}
	return c.AskAt(ctx, addr, func(k *kafkaconnect.Conn) error { return ask(k, ids) })
}

// followLeaders describes t again, and reports whether one of the partitions has another leader now.
func followLeaders(ctx context.Context, c *kafkaconnect.Cluster, t *topic, ids []int32) (moved bool, err error) {
	m, err := c.Metadata(ctx, t.name)
	if err != nil {
		return false, err
	}
	now, err := topicFrom(m, t.name)
	switch {
	case err != nil:
		return false, err
	case now.uuid != t.uuid || len(now.parts) < len(t.parts):
		return false, fmt.Errorf("topic %s was deleted and created again", t.name)
	}
	for _, id := range ids {
		p, q := t.parts[id], now.parts[id]
		moved = moved || p.leader != q.leader
		p.leader, p.epoch, p.replicas = q.leader, q.epoch, q.replicas
	}
	return moved, nil
}

func partitionsByID(t *topic, ids []int32) []*partition {
	parts := make([]*partition, len(ids))
	for i, id := range ids {
		parts[i] = t.parts[id]
	}
	return parts
}

// partitionIDs returns the ids of all partitions of a topic.
func (t *topic) partitionIDs() []int32 {
	ids := make([]int32, len(t.parts))
	for i := range ids {
		ids[i] = int32(i)
	}
	return ids
}
