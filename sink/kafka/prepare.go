package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/topics"
	"github.com/tailrace/tailrace/transform"
)

// maxPrepared is how many topics are prepared together: their names are in one request to each broker that is asked.
const maxPrepared = 1000

// topicSet is a set of topics, each with whether its name comes from the settings and not from a row.
type topicSet map[string]bool

// topic returns a topic that may be written to: its partitions are known, and the progress record names it, so that
// the next Open fences it (I8). own means that the name comes from the settings and not from a row. The other topics
// of the batches in this Write are prepared with it; an error for one of those is returned only with its own event.
func (w *Writer) topic(ctx context.Context, name string, own bool) (*topic, error) {
	if t := w.topics[name]; t != nil { // only the goroutine of Write changes the map
		return t, nil
	}
	if all := w.upcomingTopics(name, own); len(all) > 1 {
		err := w.prepare(ctx, all)
		if t := w.topics[name]; err == nil && t != nil {
			return t, nil
		}
		w.lookahead = nil // another topic may be the cause: prepare them one by one from here
	}
	if err := w.prepare(ctx, topicSet{name: own}); err != nil {
		return nil, err
	}
	return w.topics[name], nil
}

// upcomingTopics returns the topics of the batches in this Write that are not prepared yet, with name.
func (w *Writer) upcomingTopics(name string, own bool) topicSet {
	all := topicSet{name: own}
	var last *capture.Table
	for i := range w.lookahead {
		for j := range w.lookahead[i].Events {
			e := &w.lookahead[i].Events[j]
			n, own := e.Topic, w.sink.fixed[e.Topic]
			if n == "" {
				if e.Change.Table == last {
					continue
				}
				last = e.Change.Table
				var err error
				if n, own, err = w.nameOf(last); err != nil {
					continue
				}
			}
			if w.topics[n] == nil && (own || checkRowTopic(n, w.sink.progress.Name) == nil) {
				all[n] = all[n] || own
			}
			if len(all) == maxPrepared {
				return all
			}
		}
	}
	return all
}

// prepare describes topics, creates missing ones where the settings say so, fences those that Open has not fenced,
// and then has the progress record name them. Of several it leaves out those with an error or with a partition
// without a leader.
func (w *Writer) prepare(ctx context.Context, names topicSet) error {
	found, err := w.sink.topics.Ensure(ctx, names)
	if err != nil {
		return err
	}
	ready := map[string]*topics.Topic{}
	for n, t := range found {
		switch {
		case len(names) == 1 && t.Err != nil:
			return t.Err
		case len(names) == 1 || t.Err == nil && topics.Offline(w.sink.cluster, t.Topic.Partitions) == nil:
			ready[n] = t.Topic
		}
	}
	if err := w.fenceUnknown(ctx, ready); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.registerTopicsLocked(ctx, slices.Sorted(maps.Keys(ready))); err != nil {
		return err
	}
	for n, t := range ready {
		w.topics[n] = newTopic(t)
	}
	return nil
}

// fenceUnknown fences topics that Open has not fenced, unless no older Writer can have written to them. Open knows
// the topics in the record. It does not know a topic when the record of an older Writer was lost, or when the topic
// was created since, perhaps in place of a deleted one, and has seen no epoch.
func (w *Writer) fenceUnknown(ctx context.Context, of map[string]*topics.Topic) error {
	unknown := map[string]*topics.Topic{}
	for n, t := range of {
		was, named := w.inherited[n]
		if (was == nil || was.ID != t.ID) && (named || !w.fence.WasUnknown()) {
			unknown[n] = t
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	ctx, stop := context.WithTimeoutCause(ctx, w.sink.openWithin, kafkaconnect.ErrTimeout)
	defer stop()
	return w.fence.FenceInSameEpoch(ctx, w.producer, topics.PartitionIDs(unknown))
}

// registerTopicsLocked has topics recorded before their first records are written. A fenced Writer fails here: the
// partition of the progress record refuses its batch.
func (w *Writer) registerTopicsLocked(ctx context.Context, names []string) error {
	n := &w.commits
	n.topics = slices.Clip(n.topics) // the record in flight uses the slice
	most := 0
	for _, name := range names {
		i := slices.Index(n.topics, name)
		if i < 0 {
			i = len(n.topics)
			n.topics = append(n.topics, name)
		}
		most = max(most, i+1)
	}
	w.commitLocked(false)
	return w.waitLocked(ctx, func() bool { return n.storedTopics >= most })
}

// nameOf returns the name of the topic of a table, or of a message's prefix. own is false if the application has chosen it, as it
// chooses a prefix.
func (w *Writer) nameOf(of *capture.Table) (name string, own bool, err error) {
	table := tableName{of.Schema, of.Name}
	name, ok := w.names[table]
	if !ok {
		if name, err = w.sink.topicName(table.schema, table.name); err != nil {
			return "", false, fmt.Errorf("name the topic of %s: %w", of, err)
		}
		w.names[table] = name
	}
	return name, table.schema != "" || w.sink.fixed[name], nil
}

// topicOf returns the topic of an event. Its error is a *sink.Rejected for a topic that comes from a row and that Kafka cannot have.
func (w *Writer) topicOf(ctx context.Context, e *transform.Event) (*topic, error) {
	if e.Topic != "" {
		return w.topicFor(ctx, e.Topic, w.sink.fixed[e.Topic])
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
	name, own, err := w.nameOf(of)
	if err != nil {
		return nil, err
	}
	return w.topicFor(ctx, name, own)
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
