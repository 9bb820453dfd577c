package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka/fencing"
	"github.com/tailrace/tailrace/sink/kafka/progress"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

func (s *Sink) open(ctx context.Context, lane sink.Lane) (*Writer, progress.Found, error) {
	home, err := s.progress.Ensure(ctx)
	if err != nil {
		return nil, progress.Found{}, err
	}
	f, name, who, had, err := s.acquireLane(ctx, lane, home)
	if err != nil {
		return nil, had, err
	}
	rec := had.Record
	if rec == nil {
		rec = &progress.Record{}
	}
	known, err := topics.Existing(ctx, s.cluster, rec.Topics...)
	if err != nil {
		return nil, had, err
	}
	last := s.lastOf(name)
	if len(known) > 0 {
		if who, err = f.Fence(ctx, who, topics.PartitionIDs(known)); err != nil {
			return nil, had, err
		}
		last.setEpoch(who)
	}
	if who, err = f.RotateProducerID(ctx, who); err != nil {
		return nil, had, err
	}
	last.setEpoch(who)
	w, err := s.writer(lane, name, f, who, home, rec, known)
	return w, had, err
}

// acquireLane is acquire under the name that the lane has in the progress topic. If another database takes a name
// at the same moment, its record is what we find: the start rule refuses it, and the next Open uses another name.
func (s *Sink) acquireLane(ctx context.Context, lane sink.Lane, home *topics.Topic) (
	f *fencing.TransactionalID, name string, who fencing.Producer, had progress.Found, err error,
) {
	if name, err = s.laneName(ctx, home, lane.Name, lane.Origin); err != nil {
		return nil, "", fencing.NoProducer, had, err
	}
	f = fencing.New(s.cluster, s.transactionalID(name))
	if who, had, err = s.acquire(ctx, f, name, home); err != nil {
		return nil, "", fencing.NoProducer, had, err
	}
	if name != lane.Name && had.Record == nil {
		who, err = s.reserve(ctx, f, who, name, home, lane.Origin)
		s.lastOf(name).setEpoch(who)
	}
	return f, name, who, had, err
}

// acquire takes an epoch, fences the partition of the progress record, and returns that record, which is durable.
func (s *Sink) acquire(ctx context.Context, f *fencing.TransactionalID, name string, home *topics.Topic) (who fencing.Producer, had progress.Found, err error) {
	if who, err = s.nextEpoch(ctx, f, name); err != nil {
		return fencing.NoProducer, had, err
	}
	last := s.lastOf(name)
	if who, err = f.Fence(ctx, who, map[string][]int32{home.Name: {0}}); err != nil {
		return fencing.NoProducer, had, err
	}
	last.setEpoch(who)
	if had, err = s.progress.Read(ctx, home, name); err != nil {
		return fencing.NoProducer, had, err
	}
	if who, err = s.restore(ctx, f, who, name, home, &had); err != nil {
		return fencing.NoProducer, had, err
	}
	last.setEpoch(who)
	return who, had, nil
}

// reserve writes a record without a position, so that every later Open of the lane finds its name, even if the record
// with the first name is dropped in the meantime. It returns the epoch to go on with.
func (s *Sink) reserve(
	ctx context.Context, f *fencing.TransactionalID, who fencing.Producer, name string, home *topics.Topic, from capture.Origin,
) (fencing.Producer, error) {
	if err := s.progress.Put(ctx, f, home, who, name, progress.NewRecord(from, nil)); err != nil {
		return fencing.NoProducer, err
	}
	s.log.Info("another database of the cluster has a pipeline and a sink of these names: this one has its own progress record",
		zap.String("record", s.progress.Key(name)), zap.String("transactional_id", f.Name))
	return f.NextEpoch(ctx, who)
}

// writer makes the Writer and starts it. All sequence numbers begin at 0: the epoch of who is new to every partition.
// Of the topics in the record, those in known are fenced.
func (s *Sink) writer(
	lane sink.Lane, name string, f *fencing.TransactionalID, who fencing.Producer, home *topics.Topic, rec *progress.Record, known map[string]*topics.Topic,
) (*Writer, error) {
	enc, err := s.newEncoder()
	if err != nil {
		return nil, err
	}
	w := &Writer{
		sink: s, lane: lane, name: name, producer: who, enc: enc, fence: f,
		names: map[tableName]string{}, inherited: map[string]*topics.Topic{}, topics: map[string]*topic{}, senders: map[int32]*sender{},
		refresh: make(chan struct{}, 1), acked: time.Now(), renewed: time.Now().Round(0),
	}
	for _, n := range rec.Topics {
		w.inherited[n] = known[n]
	}
	w.changed.L = &w.mu
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.commits = commitState{
		part: newTopic(home).parts[0], key: []byte(s.progress.Key(name)), state: rec.State, topics: rec.Topics,
		storedTopics: len(rec.Topics), commit: rec.Commit, origin: lane.Origin,
	}
	if w.commits.verdict = rec.Verdict; rec.Verdict != nil {
		w.commits.origin = rec.Origin()
	}
	if rec.Position != nil || len(rec.Topics) > 0 {
		w.commits.stored = rec
	}
	if rec.Position != nil {
		w.commits.position, w.commits.durablePos = *rec.Position, *rec.Position
	}
	w.goroutines.Go(w.maintain)
	return w, nil
}

// whyBlocked adds to err why an Open has waited for markers until its time was up; err is the last answer of the
// coordinator, that it is busy with them. They wait for a partition in the progress record, which is read here
// without being fenced, for the message only.
func (s *Sink) whyBlocked(ctx context.Context, lane sink.Lane, err error) error {
	if !kafkaconnect.IsCode(err, sarama.ErrConcurrentTransactions) {
		return err
	}
	ctx, stop := context.WithTimeoutCause(ctx, 5*time.Second, kafkaconnect.ErrTimeout)
	defer stop()
	if why := s.offline(ctx, lane); why != nil {
		return fmt.Errorf("%w (%w)", err, why)
	}
	return err
}

// offline returns the state of the partitions of the lane that have no leader; nil when all have one.
func (s *Sink) offline(ctx context.Context, lane sink.Lane) error {
	home, err := s.progress.Ensure(ctx)
	if err != nil {
		return err
	}
	name, err := s.laneName(ctx, home, lane.Name, lane.Origin)
	if err != nil {
		return err
	}
	had, err := s.progress.Read(ctx, home, name)
	if err != nil || had.Record == nil {
		return err
	}
	known, err := topics.Existing(ctx, s.cluster, had.Record.Topics...)
	if err != nil {
		return err
	}
	var all []topics.Partition
	for _, t := range known {
		all = append(all, t.Partitions...)
	}
	return topics.Offline(s.cluster, all)
}
