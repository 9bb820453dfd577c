package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/transform"
)

// topicOf returns the topic of an event.
func (w *Writer) topicOf(ctx context.Context, e *transform.Event) (*topic, error) {
	if e.Topic != "" {
		return w.topic(ctx, e.Topic, false)
	}
	if w.last.table == e.Change.Table {
		return w.last.topic, nil
	}
	t, err := w.topicOfTable(ctx, e.Change.Table)
	if err == nil {
		w.last.table, w.last.topic = e.Change.Table, t
	}
	return t, err
}

func (w *Writer) topicOfTable(ctx context.Context, of *capture.Table) (*topic, error) {
	name, err := w.nameOf(of)
	if err != nil {
		return nil, err
	}
	return w.topic(ctx, name, true)
}

// adoptPartitions starts to use partitions that were added to topics. What went to the old ones is stored first, so
// that the events of a key that moves stay in order in time.
func (w *Writer) adoptPartitions(ctx context.Context) error {
	w.grown.Store(false)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.topics {
		if t.grown == 0 {
			continue
		}
		if err := w.waitLocked(ctx, func() bool { return t.unacked == 0 && !w.commits.inFlight }); err != nil {
			return err
		}
		w.commits.storedTopics-- // has the record written once more: a fenced Writer fails here, before it reaches a partition that is not fenced
		if err := w.registerTopicsLocked(ctx, w.commits.topics[len(w.commits.topics)-1:]); err != nil {
			return err
		}
		from := len(t.parts)
		for t.grown > len(t.parts) {
			t.parts = append(t.parts, newPartition(t, int32(len(t.parts))))
		}
		t.grown = 0
		w.log().Info("topic has more partitions: keys may move", zap.String("topic", t.name),
			zap.Int("from", from), zap.Int("to", len(t.parts)))
	}
	w.wantRefresh()
	return nil
}

func newPartition(t *topic, id int32) *partition {
	return &partition{topic: t, id: id, leader: -1, oneInFlight: true}
}

// describe returns the partitions and limits of topics, and creates missing topics where the settings say so.
func (s *Sink) describe(ctx context.Context, names topicSet) (map[string]described, error) {
	all := make(map[string]described, len(names))
	created := map[string]bool{}
	var ready []*topic
	left := slices.Sorted(maps.Keys(names))
	for p, until := kafkaconnect.Pause(0), time.Now().Add(createTimeout); ; {
		m, err := s.cluster.Metadata(ctx, left...)
		if err != nil {
			return nil, err
		}
		found := topicsFrom(m)
		var missing, later []string
		for _, n := range left {
			t, ok := found[n]
			if !ok {
				t.err = sarama.ErrUnknownTopicOrPartition
			}
			switch {
			case t.err == nil:
				ready = append(ready, t.topic)
			case kafkaconnect.IsCode(t.err, sarama.ErrUnknownTopicOrPartition) && !created[n]:
				missing = append(missing, n)
			case kafkaconnect.IsTransient(t.err):
				later = append(later, n)
			}
			t.err = s.describeError(n, t.err)
			all[n] = t
		}
		if len(missing) > 0 {
			made := s.createMissing(ctx, missing, names, all)
			for _, n := range made {
				created[n] = true
			}
			later, until = append(later, made...), time.Now().Add(createTimeout)
		}
		if left = later; len(left) == 0 || time.Now().After(until) {
			s.readLimits(ctx, ready)
			return all, nil
		}
		if err := p.Sleep(ctx, all[left[0]].err); err != nil {
			return nil, err
		}
	}
}

// describeError returns the error for the answer in place of a description.
func (s *Sink) describeError(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case kafkaconnect.IsCode(err, sarama.ErrTopicAuthorizationFailed):
		return s.cluster.NotAuthorized("Topic", name, "DESCRIBE", err)
	case kafkaconnect.IsCode(err, sarama.ErrInvalidTopic):
		return topicInvalid(name, err)
	}
	return fmt.Errorf("describe topic %s: %w", name, err)
}

// createMissing creates the topics that the settings permit, and returns them; all gets the errors of the others.
func (s *Sink) createMissing(ctx context.Context, missing []string, names topicSet, all map[string]described) (made []string) {
	for _, n := range missing {
		if s.creates(n, names[n]) {
			made = append(made, n)
		} else {
			all[n] = described{err: topicMissing(s.cluster, n, sarama.ErrUnknownTopicOrPartition)}
		}
	}
	if len(made) == 0 {
		return nil
	}
	refused := s.create(ctx, made, s.createTopics.detail())
	for n, err := range refused {
		all[n] = described{err: err}
	}
	return slices.DeleteFunc(made, func(n string) bool { return refused[n] != nil })
}

// topicsFrom returns the topics in a metadata response.
func topicsFrom(m *sarama.MetadataResponse) map[string]described {
	all := make(map[string]described, len(m.Topics))
	for _, d := range m.Topics {
		t, err := topicOf(d)
		all[d.Name] = described{t, err}
	}
	return all
}

// topicFrom returns one topic in a metadata response.
func topicFrom(m *sarama.MetadataResponse, name string) (*topic, error) {
	for _, d := range m.Topics {
		if d.Name == name {
			return topicOf(d)
		}
	}
	return nil, sarama.ErrUnknownTopicOrPartition
}

func topicOf(d *sarama.TopicMetadata) (*topic, error) {
	if d.Err != sarama.ErrNoError && d.Err != sarama.ErrLeaderNotAvailable {
		return nil, d.Err
	}
	t := &topic{name: d.Name, uuid: d.Uuid}
	t.parts = make([]*partition, len(d.Partitions))
	for _, p := range d.Partitions {
		if int(p.ID) >= len(t.parts) || t.parts[p.ID] != nil {
			return nil, sarama.ErrLeaderNotAvailable // temporary: the request is repeated
		}
		t.parts[p.ID] = newPartition(t, p.ID)
		t.parts[p.ID].leader, t.parts[p.ID].epoch, t.parts[p.ID].replicas = p.Leader, p.LeaderEpoch, p.Replicas
	}
	if len(t.parts) == 0 {
		return nil, sarama.ErrLeaderNotAvailable
	}
	return t, nil
}
