package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// UsedBefore implements sink.UsedBefore: it names a topic of the tables, or one that a block names, that has records and is not in
// the sink's progress record.
func (w *Writer) UsedBefore(ctx context.Context, tables []*capture.Table) (what string, err error) {
	ctx, stop := context.WithTimeoutCause(ctx, w.sink.openWithin, kafkaconnect.ErrTimeout)
	defer stop()
	seen := map[string]bool{w.sink.deadLetter: true}
	names := slices.Sorted(maps.Keys(w.sink.fixed))
	for _, t := range tables {
		name, err := w.sink.topicName(t.Schema, t.Name)
		if err != nil {
			return "", fmt.Errorf("name the topic of %s: %w", t, err)
		}
		names = append(names, name)
	}
	for _, name := range names {
		if _, ours := w.inherited[name]; ours || seen[name] {
			continue
		}
		seen[name] = true
		empty, err := w.sink.isEmpty(ctx, name)
		if err != nil {
			return "", err
		}
		if !empty {
			return fmt.Sprintf("topic %s has records already", name), nil
		}
	}
	return "", nil
}

// isEmpty reports whether a topic has no records, or does not exist.
func (s *Sink) isEmpty(ctx context.Context, name string) (bool, error) {
	all, err := topics.Describe(ctx, s.cluster, name)
	if err != nil {
		return false, err
	}
	t := all[name]
	switch {
	case topics.IsUnknown(t.Err):
		return true, nil
	case t.Err != nil:
		return false, t.Err
	}
	empty := true
	err = topics.AskLeaders(ctx, s.cluster, t.Topic, t.Topic.PartitionIDs(), func(k *kafkaconnect.Conn, parts []int32) error {
		first, err := k.Offsets(name, parts, sarama.OffsetOldest)
		if err != nil {
			return err
		}
		next, err := k.Offsets(name, parts, sarama.OffsetNewest)
		if err != nil {
			return err
		}
		for _, id := range parts {
			empty = empty && first[id] == next[id]
		}
		return nil
	})
	if err != nil && empty {
		return false, fmt.Errorf("read the offsets of topic %s: %w", name, err)
	}
	return empty, nil
}
