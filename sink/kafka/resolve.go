package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// topicOf finds the topic of an event.
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
	table := tableName{of.Schema, of.Name}
	name, ok := w.names[table]
	if !ok {
		var err error
		if name, err = w.sink.topicName(table.schema, table.name); err != nil {
			return nil, fmt.Errorf("name the topic of %s.%s: %w", table.schema, table.name, err)
		}
		w.names[table] = name
	}
	return w.topic(ctx, name, true)
}

// topic returns a topic that may be written to: its partitions are known, and the progress record names it, so that
// whoever opens the sink after us fences it (I8). own: the name is the sink's, not a row's.
func (w *Writer) topic(ctx context.Context, name string, own bool) (*topic, error) {
	if t := w.topics[name]; t != nil { // only this goroutine changes the map
		return t, nil
	}
	t, err := w.sink.describe(ctx, name, own)
	if err != nil {
		return nil, err
	}
	if err := w.fenceUnknown(ctx, t); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.claim(ctx, name); err != nil {
		return nil, err
	}
	w.topics[name] = t
	return t, nil
}

// fenceUnknown fences a topic that Open has not fenced, unless no older Writer can have written to it. Open knows the topics
// that the record names; it did not know this one when the record of an older Writer was lost, or when the topic was created
// since, perhaps in the place of one that was deleted, and knows no epoch.
func (w *Writer) fenceUnknown(ctx context.Context, t *topic) error {
	was, named := w.inherited[t.name]
	if was != nil && was.uuid == t.uuid || !named && w.fence.first {
		return nil
	}
	ctx, stop := context.WithTimeoutCause(ctx, w.sink.openWithin, errSlow)
	defer stop()
	return w.fence.late(ctx, w.who, partitionsOf(map[string]*topic{t.name: t}))
}

// claim has a topic recorded before its first record is written. A Writer that is fenced cannot: the partition of the
// progress record does not take its batch. Under the lock.
func (w *Writer) claim(ctx context.Context, name string) error {
	n := &w.notes
	i := slices.Index(n.topics, name)
	if i < 0 {
		i = len(n.topics)
		n.topics = append(n.topics[:i:i], name)
	}
	w.note(false)
	return w.wait(ctx, func() bool { return n.recorded > i })
}

// spread takes over the partitions that topics have got: what went to the old ones is stored first, so that a key that
// moves keeps its order in time.
func (w *Writer) spread(ctx context.Context) error {
	w.grown.Store(false)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.topics {
		if t.grown == 0 {
			continue
		}
		if err := w.wait(ctx, func() bool { return t.unacked == 0 && !w.notes.busy }); err != nil {
			return err
		}
		w.notes.recorded-- // written anew: a fenced Writer ends here, and never reaches a partition that is not fenced
		if err := w.claim(ctx, w.notes.topics[len(w.notes.topics)-1]); err != nil {
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
	return &partition{topic: t, id: id, leader: -1, alone: true}
}

// describe asks for a topic's partitions and limits, and creates it where the settings say so.
func (s *Sink) describe(ctx context.Context, name string, own bool) (*topic, error) {
	deadline := time.Now().Add(createTimeout)
	for wait, created := 20*time.Millisecond, false; ; wait = min(2*wait, time.Second) {
		m, err := s.cluster.metadata(ctx, name)
		if err != nil {
			return nil, err
		}
		t, err := topicFrom(m, name)
		switch {
		case err == nil:
			s.limits(ctx, t)
			return t, nil
		case isCode(err, sarama.ErrUnknownTopicOrPartition) && !created:
			if !s.creates(name, own) {
				return nil, s.cluster.topicMissing(name, err)
			}
			if err := s.create(ctx, name, s.createTopics.detail()); err != nil {
				return nil, err
			}
			created = true
		case isCode(err, sarama.ErrTopicAuthorizationFailed):
			return nil, s.cluster.notAuthorized("Topic", name, "DESCRIBE", err)
		case isCode(err, sarama.ErrInvalidTopic):
			return nil, topicInvalid(name, err)
		case time.Now().After(deadline) || judgeError(err) != again:
			return nil, fmt.Errorf("describe topic %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

func judgeError(err error) outcome {
	var k sarama.KError
	if errors.As(err, &k) {
		return judge(k)
	}
	return fatal
}

// topicsFrom reads the answer of metadata.
func topicsFrom(m *sarama.MetadataResponse) map[string]described {
	all := make(map[string]described, len(m.Topics))
	for _, d := range m.Topics {
		t, err := topicOf(d)
		all[d.Name] = described{t, err}
	}
	return all
}

// topicFrom reads what the answer of metadata says of one topic.
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
			return nil, sarama.ErrLeaderNotAvailable // an answer of a moment: ask again
		}
		t.parts[p.ID] = newPartition(t, p.ID)
		t.parts[p.ID].leader, t.parts[p.ID].epoch, t.parts[p.ID].replicas = p.Leader, p.LeaderEpoch, p.Replicas
	}
	if len(t.parts) == 0 {
		return nil, sarama.ErrLeaderNotAvailable
	}
	return t, nil
}
