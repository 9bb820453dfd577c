package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/sink"
)

func (s *Sink) open(ctx context.Context, lane sink.Lane) (*Writer, *progress, error) {
	f := &fencing{cluster: s.cluster, id: s.transactionalID(lane.Name)}
	home, err := s.progressHome(ctx)
	if err != nil {
		return nil, nil, err
	}
	who, err := f.begin(ctx, nobody)
	if err != nil {
		return nil, nil, err
	}
	if who, err = f.fence(ctx, who, map[string][]int32{home.name: {0}}); err != nil {
		return nil, nil, err
	}
	key := s.progressKey(lane.Name)
	rec, err := s.cluster.readProgress(ctx, home.name, key, home.parts[0].leader)
	if err != nil {
		return nil, nil, err
	}
	if rec == nil {
		rec = &progress{}
	}
	known, err := s.existing(ctx, rec.Topics)
	if err != nil {
		return nil, nil, err
	}
	if len(known) > 0 {
		if who, err = f.fence(ctx, who, partitionsOf(known)); err != nil {
			return nil, nil, err
		}
	}
	if who, err = f.fresh(ctx, who); err != nil {
		return nil, nil, err
	}
	w, err := s.writer(lane, f, who, home, rec, known)
	if err != nil {
		return nil, nil, err
	}
	return w, rec, nil
}

// existing describes those of the topics that exist. One that does not has nothing to be fenced.
func (s *Sink) existing(ctx context.Context, names []string) (map[string]*topic, error) {
	known := map[string]*topic{}
	if len(names) == 0 {
		return known, nil
	}
	m, err := s.cluster.metadata(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		t, err := topicFrom(m, n)
		switch {
		case err == nil:
			known[n] = t
		case isCode(err, sarama.ErrTopicAuthorizationFailed):
			return nil, notAuthorized("Topic", n, "DESCRIBE", err)
		case !isCode(err, sarama.ErrUnknownTopicOrPartition):
			return nil, fmt.Errorf("describe topic %s: %w", n, err)
		}
	}
	return known, nil
}

func partitionsOf(topics map[string]*topic) map[string][]int32 {
	all := make(map[string][]int32, len(topics))
	for n, t := range topics {
		for _, p := range t.parts {
			all[n] = append(all[n], p.id)
		}
	}
	return all
}

// writer makes the Writer and starts it. All sequence numbers begin at 0: who is new to every partition. Of the topics
// that the record names, known are fenced.
func (s *Sink) writer(
	lane sink.Lane, f *fencing, who producer, home *topic, rec *progress, known map[string]*topic,
) (*Writer, error) {
	enc, err := s.newEncoder()
	if err != nil {
		return nil, err
	}
	w := &Writer{
		sink: s, lane: lane, who: who, enc: enc, fence: f,
		names: map[tableName]string{}, inherited: map[string]*topic{}, topics: map[string]*topic{}, links: map[int32]*link{},
		refresh: make(chan struct{}, 1), acked: time.Now(), renewed: time.Now().Round(0),
	}
	for _, n := range rec.Topics {
		w.inherited[n] = known[n]
	}
	w.changed.L = &w.mu
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.notes = notes{
		part: home.parts[0], key: []byte(s.progressKey(lane.Name)), state: rec.State, topics: rec.Topics,
		recorded: len(rec.Topics),
	}
	if rec.Position != nil {
		w.notes.position, w.notes.held = *rec.Position, *rec.Position
	}
	w.tend.Add(1)
	go w.tendAll()
	return w, nil
}
