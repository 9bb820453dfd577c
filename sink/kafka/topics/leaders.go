package topics

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// MissingAfter is how long a topic, or the leader of a partition, is missing before that becomes a state. A broker may not yet
// know a topic that was just created, and may no longer lead a partition whose leader has moved.
const MissingAfter = 5 * time.Second

// AskLeaders calls ask with a connection to each broker that leads some of the partitions ids of t, and with those
// ids. Where a broker does not lead them any more, or is gone, it describes t again and asks the new leader, until
// ctx ends. It waits for a missing leader as long as for a missing topic. It may call ask again for partitions for
// which ask has failed.
func AskLeaders(ctx context.Context, c *kafkaconnect.Cluster, t *Topic, ids []int32, ask func(k *kafkaconnect.Conn, ids []int32) error) error {
	until := time.Now().Add(MissingAfter)
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
	ctx context.Context, c *kafkaconnect.Cluster, t *Topic, ids []int32, ask func(k *kafkaconnect.Conn, ids []int32) error,
) (left []int32, err error) {
	led := map[int32][]int32{} // partitions by their leader
	for _, id := range ids {
		led[t.Partitions[id].Leader] = append(led[t.Partitions[id].Leader], id)
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
	ctx context.Context, c *kafkaconnect.Cluster, t *Topic, leader int32, ids []int32,
	ask func(k *kafkaconnect.Conn, ids []int32) error,
) error {
	if leader < 0 {
		var parts []Partition
		for _, id := range ids {
			parts = append(parts, t.Partitions[id])
		}
		return Offline(c, parts)
	}
	addr, ok := c.Addr(leader)
	if !ok {
		return fmt.Errorf("the cluster names no address for broker %d: %w", leader, sarama.ErrBrokerNotAvailable)
	}
	return c.AskAt(ctx, addr, func(k *kafkaconnect.Conn) error { return ask(k, ids) })
}

// followLeaders describes t again, and reports whether one of the partitions has another leader now.
func followLeaders(ctx context.Context, c *kafkaconnect.Cluster, t *Topic, ids []int32) (moved bool, err error) {
	m, err := c.Metadata(ctx, t.Name)
	if err != nil {
		return false, err
	}
	found := FromMetadata(m, t.Name)[t.Name]
	now := found.Topic
	switch {
	case found.Err != nil:
		return false, found.Err
	case now.ID != t.ID || len(now.Partitions) < len(t.Partitions):
		return false, fmt.Errorf("topic %s was deleted and created again", t.Name)
	}
	for _, id := range ids {
		moved = moved || t.Partitions[id].Leader != now.Partitions[id].Leader
		t.Partitions[id] = now.Partitions[id]
	}
	return moved, nil
}
