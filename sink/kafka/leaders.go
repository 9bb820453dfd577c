package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// A broker answers for a moment that it does not know a topic that was just created, or that it does not lead a partition whose leader
// has moved. Everything here asks again after such an answer.

// pause is how long to wait before a question is asked again. It doubles up to half a second.
type pause time.Duration

// sleep waits. Where ctx ends first, it returns err, the answer that did not pass, and the cause of ctx.
func (p *pause) sleep(ctx context.Context, err error) error {
	d := max(time.Duration(*p), 10*time.Millisecond)
	*p = pause(min(2*d, 500*time.Millisecond))
	if cause := capture.Sleep(ctx, d); cause != nil {
		return fmt.Errorf("%w (%w)", err, cause)
	}
	return nil
}

// isTransient reports whether a broker answers so only for a moment.
func isTransient(err error) bool {
	return classifyError(err) == outcomeRetry || kafkaconnect.IsCode(err, sarama.ErrOffsetNotAvailable, sarama.ErrNotController)
}

// described is a topic as the cluster describes it, or the answer in its place.
type described struct {
	topic *topic
	err   error
}

// describeTopics asks for topics, until the answer for each of them is one that stays.
func describeTopics(ctx context.Context, c *kafkaconnect.Cluster, names ...string) (map[string]described, error) {
	for p := pause(0); ; {
		m, err := c.Metadata(ctx, names...)
		if err != nil {
			return nil, err
		}
		all := make(map[string]described, len(names))
		var moment error
		for n, t := range topicsFrom(m) {
			if all[n] = t; t.err != nil && isTransient(t.err) && !kafkaconnect.IsCode(t.err, sarama.ErrUnknownTopicOrPartition) {
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
		if err := p.sleep(ctx, moment); err != nil {
			return nil, err
		}
	}
}

// askLeaders calls ask with a connection to each broker that leads some of the partitions ids of t, and with these. Where a broker does not
// lead them, or is gone, t is described again, and the broker that leads them then is asked, until the ctx ends; no leader is waited for
// as long as a topic that is missing. ask may be called again for partitions for which it has failed.
func askLeaders(ctx context.Context, c *kafkaconnect.Cluster, t *topic, ids []int32, ask func(k *kafkaconnect.Conn, ids []int32) error) error {
	until := time.Now().Add(missingAfter)
	for p := pause(0); ; {
		var err error
		if ids, err = askEach(ctx, c, t, ids, ask); err == nil {
			return nil
		}
		gone := capture.AsProblem(err)
		if gone == nil && !isTransient(err) || gone != nil && gone.State != "partition_offline" && gone.State != "kafka_unreachable" {
			return err
		}
		if stop := p.sleep(ctx, err); stop != nil {
			return stop
		}
		moved, why := followLeaders(ctx, c, t, ids)
		switch late := time.Now().After(until); {
		case why != nil && (late || !isTransient(why)):
			return fmt.Errorf("%w (%w)", err, why)
		case gone != nil && !moved && (late || gone.State == "kafka_unreachable"):
			return err
		}
	}
}

// askEach asks each leader once. It returns the partitions that are not answered, with the first error.
func askEach(ctx context.Context, c *kafkaconnect.Cluster, t *topic, ids []int32, ask func(k *kafkaconnect.Conn, ids []int32) error) (left []int32, err error) {
	led := map[int32][]int32{} // partitions by their leader
	for _, id := range ids {
		led[t.parts[id].leader] = append(led[t.parts[id].leader], id)
	}
	for leader, ids := range led {
		if e := askLeader(ctx, c, t, leader, ids, ask); e != nil {
			if left = append(left, ids...); err == nil || isTransient(err) && !isTransient(e) {
				err = e
			}
		}
	}
	return left, err
}

func askLeader(ctx context.Context, c *kafkaconnect.Cluster, t *topic, leader int32, ids []int32, ask func(k *kafkaconnect.Conn, ids []int32) error) error {
	if leader < 0 {
		return offline(c, partitionsByID(t, ids))
	}
	addr, ok := c.Addr(leader)
	if !ok {
		return fmt.Errorf("the cluster names no address for broker %d: %w", leader, sarama.ErrBrokerNotAvailable)
	}
	return c.AskAt(ctx, addr, func(k *kafkaconnect.Conn) error { return ask(k, ids) })
}

// followLeaders describes t again, and reports whether one of the partitions has another leader by now.
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

// partitionIDs is the numbers of the partitions of a topic.
func (t *topic) partitionIDs() []int32 {
	ids := make([]int32, len(t.parts))
	for i := range ids {
		ids[i] = int32(i)
	}
	return ids
}
