package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/fencing"
	"github.com/tailrace/tailrace/sink/kafka/progress"
	"github.com/tailrace/tailrace/sink/kafka/topics"
	"github.com/tailrace/tailrace/transform/expr"
)

// checkWithin limits the time of Check and Drop.
const checkWithin = 20 * time.Second

// Check tests the live cluster: does it answer, may we write, do the topics with a fixed name exist. It changes
// nothing. It returns every problem that it finds, and warns of topics for which the acknowledgement of one broker is
// enough, and of a progress topic that deletes records.
func (s *Settings) Check(ctx context.Context, pipeline, name string) []error {
	k, err := s.make(pipeline, name, zap.NewNop())
	if err != nil {
		return []error{err}
	}
	defer k.Close()
	ctx, stop := context.WithTimeoutCause(ctx, checkWithin, kafkaconnect.ErrTimeout)
	defer stop()
	return k.check(ctx, s.fixedTopics())
}

// fixedTopics returns the topics that the file names: that of the sink, those of its steps, and the dead letter topic.
func (s *Settings) fixedTopics() (names []string) {
	if topic, _ := expr.NewTemplate(s.Topic); topic != nil {
		if n, ok := topic.Constant(); ok {
			names = append(names, n)
		}
	}
	names = append(names, s.stepTopics...)
	if s.DeadLetter != "" {
		names = append(names, s.DeadLetter)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Sink) check(ctx context.Context, names []string) (problems []error) {
	names = append(names, s.progress.Name)
	all, err := topics.Describe(ctx, s.cluster, names...)
	if err != nil {
		return []error{err}
	}
	conf, _ := s.topics.Configs(ctx, names...) // without the ACL to read them there is no warning
	there := map[string][]int32{}
	var lax []string
	var expiring *capture.Warning
	for _, n := range names {
		t, err := all[n].Topic, all[n].Err
		switch {
		case err == nil:
			there[n] = []int32{0}
			if err := topics.Offline(s.cluster, t.Partitions); err != nil {
				problems = append(problems, err)
			}
			conf := conf[n]
			if t.OneReplicaAcks(conf) {
				lax = append(lax, n)
			}
			if n == s.progress.Name && conf.DeletesRecords() {
				p := progress.Expires(s.cluster, n, conf[topics.Cleanup])
				expiring = &capture.Warning{Reason: p.Reason, Fix: p.Fix}
			}
		case topics.IsUnknown(err):
			if n != s.progress.Name && !s.topics.Creates(n, true) {
				problems = append(problems, topics.Missing(s.cluster, n, sarama.ErrUnknownTopicOrPartition))
			}
		default:
			problems = append(problems, err)
		}
	}
	if len(lax) > 0 {
		problems = append(problems, topics.OneReplicaAcksWarning(s.cluster, lax...))
	}
	if expiring != nil {
		problems = append(problems, expiring)
	}
	if len(there) == 0 {
		there[s.progress.Name] = []int32{0} // the answer then says that it is missing, after the ACLs were checked
	}
	return append(problems, fencing.New(s.cluster, s.transactionalID(mainLane)).CheckACLs(ctx, there)...)
}

// Drop removes the progress record. It returns a line for each thing that it has removed (with dry: would remove),
// and one that begins with "left: " for each that it leaves. It fences an open Writer, except with dry.
func (s *Settings) Drop(ctx context.Context, pipeline, name string, from capture.Origin, dry bool) ([]string, error) {
	k, err := s.make(pipeline, name, zap.NewNop())
	if err != nil {
		return nil, err
	}
	defer k.Close()
	ctx, stop := context.WithTimeoutCause(ctx, checkWithin, kafkaconnect.ErrTimeout)
	defer stop()
	return k.drop(ctx, from, dry)
}

func (s *Sink) drop(ctx context.Context, from capture.Origin, dry bool) (lines []string, err error) {
	home, err := s.progress.Find(ctx)
	if err != nil || home == nil {
		return nil, err
	}
	lane, err := s.laneName(ctx, home, mainLane, from)
	if err != nil {
		return nil, err
	}
	f := fencing.New(s.cluster, s.transactionalID(lane))
	who := fencing.NoProducer
	if !dry {
		if who, err = f.NextEpoch(ctx, who); err != nil {
			return nil, err
		}
		if who, err = f.Fence(ctx, who, map[string][]int32{home.Name: {0}}); err != nil {
			return nil, err
		}
	}
	had, err := s.progress.Read(ctx, home, lane)
	if err != nil {
		return nil, err
	}
	rec := had.Record
	what := "progress record %s in topic %s"
	if rec == nil {
		if !had.Pruned || had.Dropped {
			return nil, nil
		}
		rec, what = &progress.Record{}, what+", which may have expired" // the tombstone proves that it is gone
	}
	if !dry {
		known, err := topics.Existing(ctx, s.cluster, rec.Topics...)
		if err != nil {
			return nil, err
		}
		if who, err = f.Fence(ctx, who, topics.PartitionIDs(known)); err != nil { // without the record the next Open would not know them
			return nil, err
		}
		if err := s.progress.Put(ctx, f, home, who, lane, nil); err != nil {
			return nil, err
		}
	}
	lines = append(lines, fmt.Sprintf(what, s.progress.Key(lane), home.Name))
	for _, t := range rec.Topics {
		lines = append(lines, "left: topic "+t)
	}
	return append(lines, "left: topic "+home.Name), nil
}
