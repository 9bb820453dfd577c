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

// unknownFor is how long the cluster does not know a topic before the topic counts as missing: brokers learn of a new
// topic a moment after the controller has confirmed its creation.
const unknownFor = time.Second

// describe returns the partitions and limits of topics, and creates missing topics where the settings say so.
func (s *Sink) describe(ctx context.Context, names topicSet) (map[string]topics.Described, error) {
	all := make(map[string]topics.Described, len(names))
	created := map[string]bool{}
	var ready []*topics.Topic
	left := slices.Sorted(maps.Keys(names))
	unknownUntil := time.Now().Add(unknownFor)
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
			case topics.IsUnknown(t.Err) && !created[n] && (s.topics.Creates(n, names[n]) || time.Now().After(unknownUntil)):
				missing = append(missing, n)
			case kafkaconnect.IsTransient(t.Err):
				later = append(later, n)
			}
			all[n] = t
		}
		if len(missing) > 0 {
			exist := s.createMissing(ctx, missing, names, all)
			for _, n := range exist {
				created[n] = true
			}
			later, until = append(later, exist...), time.Now().Add(topics.CreateTimeout)
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

// createMissing creates the topics that the settings permit. It returns the topics that exist now, though perhaps not
// yet for each broker; all gets the errors of the others.
func (s *Sink) createMissing(ctx context.Context, missing []string, names topicSet, all map[string]topics.Described) (exist []string) {
	var create, absent []string
	for _, n := range missing {
		if s.topics.Creates(n, names[n]) {
			create = append(create, n)
		} else {
			absent = append(absent, n)
		}
	}
	if len(create) > 0 {
		refused := s.topics.CreateMissing(ctx, create)
		for n, err := range refused {
			all[n] = topics.Described{Err: err}
		}
		exist = slices.DeleteFunc(create, func(n string) bool { return refused[n] != nil })
	}
	if len(absent) > 0 {
		known := s.cluster.KnownToAny(ctx, absent...)
		for _, n := range absent {
			if known[n] {
				exist = append(exist, n)
			} else {
				all[n] = topics.Described{Err: topics.Missing(s.cluster, n, sarama.ErrUnknownTopicOrPartition)}
			}
		}
	}
	return exist
}
