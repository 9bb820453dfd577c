package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
)

// checkWithin bounds Check and Drop.
const checkWithin = 20 * time.Second

// Check looks at the live cluster: is it there, may we write, are the topics there that have a fixed name. It changes
// nothing. It returns every problem it finds, and warns of topics for which one broker's acknowledgement is enough.
func (s *Settings) Check(ctx context.Context, pipeline, name string) []error {
	k, err := s.make(pipeline, name, zap.NewNop())
	if err != nil {
		return []error{err}
	}
	defer k.Close()
	ctx, stop := context.WithTimeoutCause(ctx, checkWithin, errSlow)
	defer stop()
	return k.check(ctx, s.fixedTopics())
}

func (s *Settings) fixedTopics() (names []string) {
	if s.Topic != nil {
		if n, ok := s.Topic.Constant(); ok {
			names = append(names, n)
		}
	}
	if s.DeadLetter != "" && !slices.Contains(names, s.DeadLetter) {
		names = append(names, s.DeadLetter)
	}
	return names
}

func (s *Sink) check(ctx context.Context, topics []string) (problems []error) {
	m, err := s.cluster.metadata(ctx, append(topics, s.progressTopic)...)
	if err != nil {
		return []error{err}
	}
	there := map[string][]int32{}
	var lax []string
	for _, n := range append(topics, s.progressTopic) {
		t, err := topicFrom(m, n)
		switch {
		case err == nil:
			there[n] = []int32{0}
			if err := offline(t.parts); err != nil {
				problems = append(problems, err)
			}
			if conf, err := s.settingsOf(ctx, n); err == nil && t.alone(conf) { // without the right to read them: no warning
				lax = append(lax, n)
			}
		case isCode(err, sarama.ErrTopicAuthorizationFailed):
			problems = append(problems, notAuthorized("Topic", n, "DESCRIBE", err))
		case isCode(err, sarama.ErrUnknownTopicOrPartition):
			if n != s.progressTopic && !s.creates(n, true) {
				problems = append(problems, topicMissing(n, err))
			}
		default:
			problems = append(problems, fmt.Errorf("describe topic %s: %w", n, err))
		}
	}
	if len(lax) > 0 {
		problems = append(problems, oneEnough(lax...))
	}
	return append(problems, s.allowed(ctx, there)...)
}

// allowed asks whether we may write to the topics, and as our transactional id. It offers the coordinator partitions in
// the name of a producer that cannot exist: Kafka checks the rights first, and then refuses the producer.
func (s *Sink) allowed(ctx context.Context, topics map[string][]int32) (problems []error) {
	id := s.transactionalID(mainLane)
	if len(topics) == 0 {
		topics = map[string][]int32{s.progressTopic: {0}} // then the answer says that it is missing, after the rights
	}
	var answers map[string][]*sarama.PartitionError
	f := &fencing{cluster: s.cluster, id: id}
	err := f.retry(ctx, func(k *conn) error {
		r, err := k.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: id, ProducerID: math.MaxInt64, TopicPartitions: topics,
		})
		if err != nil {
			return err
		}
		answers = r.Errors
		for _, a := range answers {
			if len(a) > 0 && comesBack(a[0].Err) && a[0].Err != sarama.ErrUnknownTopicOrPartition &&
				a[0].Err != sarama.ErrOperationNotAttempted {
				return a[0].Err
			}
		}
		return nil
	})
	if isCode(err, sarama.ErrTransactionalIDAuthorizationFailed) {
		return []error{notAuthorized("TransactionalId", id, "WRITE", err)}
	}
	if err != nil {
		return []error{err}
	}
	for topic, a := range answers {
		switch {
		case len(a) == 0:
		case a[0].Err == sarama.ErrTransactionalIDAuthorizationFailed:
			return []error{notAuthorized("TransactionalId", id, "WRITE", a[0].Err)}
		case a[0].Err == sarama.ErrTopicAuthorizationFailed:
			problems = append(problems, notAuthorized("Topic", topic, "WRITE", a[0].Err))
		}
	}
	return problems
}

// Drop removes the progress record; it returns a line for each thing it removed (with dry: would remove), and one that
// begins with "left: " for each it leaves. A Writer that is open is fenced, except with dry.
func (s *Settings) Drop(ctx context.Context, pipeline, name string, dry bool) ([]string, error) {
	k, err := s.make(pipeline, name, zap.NewNop())
	if err != nil {
		return nil, err
	}
	defer k.Close()
	ctx, stop := context.WithTimeoutCause(ctx, checkWithin, errSlow)
	defer stop()
	return k.drop(ctx, dry)
}

func (s *Sink) drop(ctx context.Context, dry bool) (lines []string, err error) {
	m, err := s.cluster.metadata(ctx, s.progressTopic)
	if err != nil {
		return nil, err
	}
	home, err := topicFrom(m, s.progressTopic)
	if isCode(err, sarama.ErrUnknownTopicOrPartition) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("describe topic %s: %w", s.progressTopic, err)
	}
	f := &fencing{cluster: s.cluster, id: s.transactionalID(mainLane)}
	who := nobody
	if !dry {
		if who, err = f.begin(ctx, who); err != nil {
			return nil, err
		}
		if who, err = f.fence(ctx, who, map[string][]int32{home.name: {0}}); err != nil {
			return nil, err
		}
	}
	key := s.progressKey(mainLane)
	rec, err := s.cluster.readProgress(ctx, home.name, key, home.parts[0].leader)
	if err != nil || rec == nil {
		return nil, err
	}
	if !dry {
		known, err := s.existing(ctx, rec.Topics)
		if err != nil {
			return nil, err
		}
		if who, err = f.fence(ctx, who, partitionsOf(known)); err != nil { // the record is what the next Open would know them by
			return nil, err
		}
		if err := s.forget(ctx, home, who, key); err != nil {
			return nil, err
		}
	}
	lines = append(lines, fmt.Sprintf("progress record %s in topic %s", key, home.name))
	for _, t := range rec.Topics {
		lines = append(lines, "left: topic "+t)
	}
	return append(lines, "left: topic "+home.name), nil
}

// forget writes a tombstone over a progress record.
func (s *Sink) forget(ctx context.Context, home *topic, who producer, key string) error {
	addr, ok := s.cluster.addr(home.parts[0].leader)
	if !ok {
		return fmt.Errorf("delete progress record: topic %s has no leader", home.name)
	}
	k, err := s.cluster.dial(ctx, addr)
	if err != nil {
		return fmt.Errorf("delete progress record: %w", err)
	}
	defer k.kill()
	now := time.Now()
	r := &sarama.ProduceRequest{Version: 8, RequiredAcks: sarama.WaitForAll, Timeout: int32(s.ackTimeout / time.Millisecond)}
	r.AddBatch(home.name, 0, &sarama.RecordBatch{
		Version: 2, PartitionLeaderEpoch: -1, ProducerID: who.id, ProducerEpoch: who.epoch, FirstTimestamp: now, MaxTimestamp: now,
		Records: []*sarama.Record{{Key: []byte(key)}},
	})
	err = call(ctx, k, func(k *conn) error {
		resp, err := k.Produce(r)
		if err != nil {
			return err
		}
		block := resp.Blocks[home.name][0]
		if block == nil {
			return errors.New("no answer")
		}
		return answer(block.Err)
	})
	if err != nil {
		return fmt.Errorf("delete progress record %s: %w", key, err)
	}
	return nil
}
