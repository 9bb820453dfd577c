package kafka

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// describe returns the partitions and limits of topics, and creates missing topics where the settings say so.
func (s *Sink) describe(ctx context.Context, names topicSet) (map[string]topics.Described, error) {
	all := make(map[string]topics.Described, len(names))
	created := map[string]bool{}
	var ready []*topics.Topic
	left := slices.Sorted(maps.Keys(names))
	for p, until := kafkaconnect.Pause(0), time.Now().Add(topics.CreateTimeout); ; {
		m, err := s.cluster.Metadata(ctx, left...)
		if err != nil {
			return nil, err
		}
		found := topics.FromMetadata(m, left...)
		var missing, later []string
		for _, n := range left {
			t := found[n]
			if t.Err != nil {
				t.Err = topics.DescribeError(s.cluster, n, t.Err)
			}
			switch {
			case t.Err == nil:
				ready = append(ready, t.Topic)
			case topics.IsUnknown(t.Err) && !created[n]:
				missing = append(missing, n)
			case kafkaconnect.IsTransient(t.Err):
				later = append(later, n)
			}
			all[n] = t
		}
		if len(missing) > 0 {
			made := s.createMissing(ctx, missing, names, all)
			for _, n := range made {
				created[n] = true
			}
			later, until = append(later, made...), time.Now().Add(topics.CreateTimeout)
		}
		if left = later; len(left) == 0 || time.Now().After(until) {
			s.topics.ReadLimits(ctx, ready)
			return all, nil
		}
		if err := p.Sleep(ctx, all[left[0]].Err); err != nil {
			return nil, err
		}
	}
}

// createMissing creates the topics that the settings permit, and returns them; all gets the errors of the others.
func (s *Sink) createMissing(ctx context.Context, missing []string, names topicSet, all map[string]topics.Described) (made []string) {
	for _, n := range missing {
		if s.topics.Creates(n, names[n]) {
			made = append(made, n)
		} else {
			all[n] = topics.Described{Err: topics.Missing(s.cluster, n, sarama.ErrUnknownTopicOrPartition)}
		}
	}
	if len(made) == 0 {
		return nil
	}
	refused := s.topics.CreateMissing(ctx, made)
	for n, err := range refused {
		all[n] = topics.Described{Err: err}
	}
	return slices.DeleteFunc(made, func(n string) bool { return refused[n] != nil })
}
