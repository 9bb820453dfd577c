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
	all, err := s.cluster.describe(ctx, name)
	if err != nil {
		return false, err
	}
	t := all[name]
	switch {
	case isCode(t.err, sarama.ErrUnknownTopicOrPartition):
		return true, nil
	case isCode(t.err, sarama.ErrTopicAuthorizationFailed):
		return false, s.cluster.notAuthorized("Topic", name, "DESCRIBE", t.err)
	case t.err != nil:
		return false, fmt.Errorf("describe topic %s: %w", name, t.err)
	}
	empty := true
	err = s.cluster.askLeaders(ctx, t.topic, t.topic.all(), func(k *conn, parts []int32) error {
		first, err := k.offsets(name, parts, sarama.OffsetOldest)
		if err != nil {
			return err
		}
		next, err := k.offsets(name, parts, sarama.OffsetNewest)
		if err != nil {
			return err
		}
		for _, id := range parts {
			empty = empty && first[id] == next[id]
		}
		return nil
	})
	if err != nil && empty {
		return false, fmt.Errorf("look into topic %s: %w", name, err)
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
