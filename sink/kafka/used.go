package kafka

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
)

// UsedBefore implements sink.UsedBefore: it names a topic of the tables that has records and that the sink's record does not
// name.
func (w *Writer) UsedBefore(ctx context.Context, tables []*capture.Table) (what string, err error) {
	ctx, stop := context.WithTimeoutCause(ctx, w.sink.openWithin, errSlow)
	defer stop()
	seen := map[string]bool{}
	for _, t := range tables {
		name, err := w.sink.topicName(t.Schema, t.Name)
		if err != nil {
			return "", fmt.Errorf("name the topic of %s: %w", t, err)
		}
		if _, ours := w.inherited[name]; ours || seen[name] {
			continue
		}
		seen[name] = true
		empty, err := w.sink.empty(ctx, name)
		if err != nil {
			return "", err
		}
		if !empty {
			return fmt.Sprintf("topic %s has records already", name), nil
		}
	}
	return "", nil
}

// empty reports whether a topic has no records, or does not exist.
func (s *Sink) empty(ctx context.Context, name string) (bool, error) {
	m, err := s.cluster.metadata(ctx, name)
	if err != nil {
		return false, err
	}
	t, err := topicFrom(m, name)
	switch {
	case isCode(err, sarama.ErrUnknownTopicOrPartition):
		return true, nil
	case isCode(err, sarama.ErrTopicAuthorizationFailed):
		return false, s.cluster.notAuthorized("Topic", name, "DESCRIBE", err)
	case err != nil:
		return false, fmt.Errorf("describe topic %s: %w", name, err)
	}
	led := map[int32][]int32{} // partitions by their leader
	for _, p := range t.parts {
		led[p.leader] = append(led[p.leader], p.id)
	}
	for leader, parts := range led {
		if empty, err := s.cluster.emptyAt(ctx, leader, name, parts); err != nil || !empty {
			return false, err
		}
	}
	return true, nil
}

// emptyAt reports whether partitions that a broker leads have no records.
func (c *cluster) emptyAt(ctx context.Context, leader int32, topic string, parts []int32) (empty bool, err error) {
	addr, ok := c.addr(leader)
	if !ok {
		return false, fmt.Errorf("look into topic %s: a partition has no leader: %w", topic, sarama.ErrLeaderNotAvailable)
	}
	k, err := c.dial(ctx, addr)
	if err != nil {
		return false, fmt.Errorf("look into topic %s: %w", topic, err)
	}
	defer k.kill()
	err = call(ctx, k, func(k *conn) error {
		first, err := k.offsets(topic, parts, sarama.OffsetOldest)
		if err != nil {
			return err
		}
		next, err := k.offsets(topic, parts, sarama.OffsetNewest)
		empty = true
		for _, id := range parts {
			empty = empty && first[id] == next[id]
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look into topic %s: %w", topic, err)
	}
	return empty, nil
}

// offsets asks for the oldest or the newest offset of partitions.
func (k *conn) offsets(topic string, parts []int32, which int64) (map[int32]int64, error) {
	req := &sarama.OffsetRequest{Version: 5}
	for _, id := range parts {
		req.AddBlock(topic, id, which, 1)
	}
	r, err := k.GetAvailableOffsets(req)
	if err != nil {
		return nil, err
	}
	at := map[int32]int64{}
	for _, id := range parts {
		b := r.GetBlock(topic, id)
		if b == nil {
			return nil, sarama.ErrIncompleteResponse
		}
		if err := answer(b.Err); err != nil {
			return nil, err
		}
		at[id] = b.Offset
	}
	return at, nil
}
