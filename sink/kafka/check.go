package kafka

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
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

func (s *Settings) fixedTopics() (names []string) {
	if topic, _ := expr.NewTemplate(s.Topic); topic != nil {
		if n, ok := topic.Constant(); ok {
			names = append(names, n)
		}
	}
	if s.DeadLetter != "" && !slices.Contains(names, s.DeadLetter) {
		names = append(names, s.DeadLetter)
	}
	return names
}

func (s *Sink) check(ctx context.Context, topics []string) (problems []error) {
	topics = append(topics, s.progressTopic)
	all, err := describeTopics(ctx, s.cluster, topics...)
	if err != nil {
		return []error{err}
	}
	conf, _ := s.topicConfigs(ctx, topics...) // without the ACL to read them there is no warning
	there := map[string][]int32{}
	var lax []string
	var expiring *capture.Warning
	for _, n := range topics {
		t, err := all[n].topic, all[n].err
		switch {
		case err == nil:
			there[n] = []int32{0}
			if err := offline(s.cluster, t.parts); err != nil {
				problems = append(problems, err)
			}
			conf := conf[n]
			if t.oneReplicaAcks(conf) {
				lax = append(lax, n)
			}
			if n == s.progressTopic && deletesRecords(conf) {
				p := progressExpires(s.cluster, n, conf[cleanup])
				expiring = &capture.Warning{Reason: p.Reason, Fix: p.Fix}
			}
		case kafkaconnect.IsCode(err, sarama.ErrTopicAuthorizationFailed):
			problems = append(problems, s.cluster.NotAuthorized("Topic", n, "DESCRIBE", err))
		case kafkaconnect.IsCode(err, sarama.ErrUnknownTopicOrPartition):
			if n != s.progressTopic && !s.creates(n, true) {
				problems = append(problems, topicMissing(s.cluster, n, err))
			}
		default:
			problems = append(problems, fmt.Errorf("describe topic %s: %w", n, err))
		}
	}
	if len(lax) > 0 {
		problems = append(problems, oneReplicaAcksWarning(s.cluster, lax...))
	}
	if expiring != nil {
		problems = append(problems, expiring)
	}
	return append(problems, s.checkACLs(ctx, there)...)
}

// checkACLs tests whether we may write to the topics, and with our transactional id. It offers the coordinator
// partitions in the name of a producer that cannot exist: Kafka checks the ACLs first and then refuses the producer.
func (s *Sink) checkACLs(ctx context.Context, topics map[string][]int32) (problems []error) {
	id := s.transactionalID(mainLane)
	if len(topics) == 0 {
		topics = map[string][]int32{s.progressTopic: {0}} // the answer then says that it is missing, after the ACLs were checked
	}
	var answers map[string][]*sarama.PartitionError
	f := &fencing{cluster: s.cluster, id: id}
	err := f.retry(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: id, ProducerID: math.MaxInt64, TopicPartitions: topics,
		})
		if err != nil {
			return err
		}
		answers = r.Errors
		for _, a := range answers {
			if len(a) > 0 && isCoordinatorRetriable(a[0].Err) && a[0].Err != sarama.ErrUnknownTopicOrPartition &&
				a[0].Err != sarama.ErrOperationNotAttempted {
				return a[0].Err
			}
		}
		return nil
	})
	if kafkaconnect.IsCode(err, sarama.ErrTransactionalIDAuthorizationFailed) {
		return []error{s.cluster.NotAuthorized("TransactionalId", id, "WRITE", err)}
	}
	if err != nil {
		return []error{err}
	}
	for topic, a := range answers {
		switch {
		case len(a) == 0:
		case a[0].Err == sarama.ErrTransactionalIDAuthorizationFailed:
			return []error{s.cluster.NotAuthorized("TransactionalId", id, "WRITE", a[0].Err)}
		case a[0].Err == sarama.ErrTopicAuthorizationFailed:
			problems = append(problems, s.cluster.NotAuthorized("Topic", topic, "WRITE", a[0].Err))
		}
	}
	return problems
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
	home, err := s.findProgressTopic(ctx)
	if err != nil || home == nil {
		return nil, err
	}
	lane, err := s.laneName(ctx, mainLane, from, home)
	if err != nil {
		return nil, err
	}
	f := &fencing{cluster: s.cluster, id: s.transactionalID(lane)}
	who := noProducer
	if !dry {
		if who, err = f.nextEpoch(ctx, who); err != nil {
			return nil, err
		}
		if who, err = f.fence(ctx, who, map[string][]int32{home.name: {0}}); err != nil {
			return nil, err
		}
	}
	key := s.progressKey(lane)
	had, err := readProgress(ctx, s.cluster, home, key)
	if err != nil {
		return nil, err
	}
	rec := had.rec
	what := "progress record %s in topic %s"
	if rec == nil {
		if !had.pruned || had.dropped {
			return nil, nil
		}
		rec, what = &progress{}, what+", which may have expired" // the tombstone proves that it is gone
	}
	if !dry {
		known, err := s.existing(ctx, rec.Topics)
		if err != nil {
			return nil, err
		}
		if who, err = f.fence(ctx, who, idsByTopic(known)); err != nil { // without the record the next Open would not know them
			return nil, err
		}
		if err := s.put(ctx, f, home, who, key, nil); err != nil {
			return nil, err
		}
	}
	lines = append(lines, fmt.Sprintf(what, key, home.name))
	for _, t := range rec.Topics {
		lines = append(lines, "left: topic "+t)
	}
	return append(lines, "left: topic "+home.name), nil
}
