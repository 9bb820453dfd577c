package kafka

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/wire"
)

// defaultLimit is max.message.bytes where it cannot be read: the default of brokers.
const defaultLimit = 1048588

// maxLimit limits a batch whatever the topic accepts: a broker refuses requests larger than 100 MiB.
const maxLimit = 64 << 20

// ensureProgressTopic describes the progress topic and creates it when it is missing: compacted and with small
// segments, because a lane writes up to 20 records a second and only closed segments are compacted.
func (s *Sink) ensureProgressTopic(ctx context.Context) (*topic, error) {
	for created := false; ; created = true {
		m, err := s.cluster.Metadata(ctx, s.progressTopic)
		if err != nil {
			return nil, err
		}
		t, err := topicFrom(m, s.progressTopic)
		switch {
		case err == nil && t.parts[0].leader >= 0:
			s.updateRetention(s.readLimits(ctx, []*topic{t})[t.name])
			return t, nil
		case kafkaconnect.IsCode(err, sarama.ErrTopicAuthorizationFailed):
			return nil, s.cluster.NotAuthorized("Topic", s.progressTopic, "DESCRIBE", err)
		case kafkaconnect.IsCode(err, sarama.ErrUnknownTopicOrPartition) && !created:
			if err := s.create(ctx, []string{s.progressTopic}, progressDetail())[s.progressTopic]; err != nil {
				return nil, err
			}
		case err != nil && !kafkaconnect.IsTransient(err):
			return nil, fmt.Errorf("describe topic %s: %w", s.progressTopic, err)
		}
		select {
		case <-ctx.Done():
			if err == nil {
				return nil, offline(s.cluster, t.parts)
			}
			return nil, fmt.Errorf("describe topic %s: %w (%w)", s.progressTopic, err, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// findProgressTopic describes the progress topic; it returns nil when there is none.
func (s *Sink) findProgressTopic(ctx context.Context) (*topic, error) {
	all, err := describeTopics(ctx, s.cluster, s.progressTopic)
	if err != nil {
		return nil, err
	}
	home := all[s.progressTopic]
	switch {
	case kafkaconnect.IsCode(home.err, sarama.ErrUnknownTopicOrPartition):
		return nil, nil
	case kafkaconnect.IsCode(home.err, sarama.ErrTopicAuthorizationFailed):
		return nil, s.cluster.NotAuthorized("Topic", s.progressTopic, "DESCRIBE", home.err)
	case home.err != nil:
		return nil, fmt.Errorf("describe topic %s: %w", s.progressTopic, home.err)
	}
	return home.topic, nil
}

func progressDetail() *sarama.TopicDetail {
	d := (&CreateTopics{Partitions: 1, Config: map[string]string{
		cleanup: "compact", "segment.bytes": "8388608", "min.cleanable.dirty.ratio": "0.1",
	}}).detail()
	return d
}

func (c *CreateTopics) detail() *sarama.TopicDetail {
	d := &sarama.TopicDetail{NumPartitions: c.Partitions, ReplicationFactor: c.Replication, ConfigEntries: map[string]*string{}}
	if d.NumPartitions == 0 {
		d.NumPartitions = -1
	}
	if d.ReplicationFactor == 0 {
		d.ReplicationFactor = -1
	}
	for k, v := range c.Config {
		d.ConfigEntries[k] = &v
	}
	return d
}

// maxCreateRecords limits how many records of the controller's log one CreateTopics request makes; Kafka refuses more
// than 10,000.
const maxCreateRecords = 5000

// create creates topics; a topic that exists by now is no error. It returns the errors of those that were not
// created.
func (s *Sink) create(ctx context.Context, names []string, d *sarama.TopicDetail) map[string]error {
	failed := map[string]error{}
	partitions := int(d.NumPartitions)
	if partitions < 0 { // the default of the brokers, which we do not know
		partitions = 50
	}
	for some := range slices.Chunk(names, max(1, maxCreateRecords/(1+partitions+len(d.ConfigEntries)))) {
		s.createSome(ctx, some, d, failed)
	}
	return failed
}

// createSome repeats the request for topics that the controller refuses temporarily, and when another broker has
// become the controller.
func (s *Sink) createSome(ctx context.Context, names []string, d *sarama.TopicDetail, failed map[string]error) {
	for p, until := kafkaconnect.Pause(0), time.Now().Add(createTimeout); ; {
		was := s.cluster.Controller()
		answers, err := s.createOnce(ctx, names, d)
		gone := capture.AsProblem(err) != nil && capture.AsProblem(err).State == "kafka_unreachable"
		var left []string
		for _, n := range names {
			if e := s.createError(n, answers[n], err); e != nil {
				failed[n] = e
				if kafkaconnect.IsTransient(e) || gone {
					left = append(left, n)
				}
			}
		}
		if names = left; len(names) == 0 || time.Now().After(until) || p.Sleep(ctx, failed[names[0]]) != nil {
			return
		}
		if _, err := s.cluster.Metadata(ctx, names[0]); err != nil || gone && s.cluster.Controller() == was {
			return
		}
		for _, n := range names {
			delete(failed, n)
		}
	}
}

// createOnce sends one request and returns the answers by topic.
func (s *Sink) createOnce(ctx context.Context, names []string, d *sarama.TopicDetail) (answers map[string]*sarama.TopicError, err error) {
	details := make(map[string]*sarama.TopicDetail, len(names))
	for _, n := range names {
		details[n] = d
	}
	err = s.cluster.AskController(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.CreateTopics(&sarama.CreateTopicsRequest{Version: 5, Timeout: createTimeout, TopicDetails: details})
		if err == nil {
			answers = r.TopicErrors
		}
		return err
	})
	return answers, err
}

// createError returns the error in the answer for a topic. err is the error of the request, when there was no answer.
func (s *Sink) createError(name string, answer *sarama.TopicError, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("create topic %s: %w", name, err)
	case answer == nil || answer.Err == sarama.ErrNoError:
		s.log.Info("topic created", zap.String("topic", name))
		return nil
	case answer.Err == sarama.ErrTopicAlreadyExists:
		return nil
	case answer.Err == sarama.ErrTopicAuthorizationFailed, answer.Err == sarama.ErrClusterAuthorizationFailed:
		return s.cluster.NotAuthorized("Topic", name, "CREATE", answer.Err)
	case answer.ErrMsg != nil:
		return fmt.Errorf("create topic %s: %w: %s", name, answer.Err, *answer.ErrMsg)
	}
	return fmt.Errorf("create topic %s: %w", name, answer.Err)
}

// readLimits reads how large the batches of topics may be, and warns of a topic whose acknowledgements promise
// little. Without the ACL to read it, the default is assumed and the broker's refusals correct it. It returns the
// settings that it could read.
func (s *Sink) readLimits(ctx context.Context, topics []*topic) map[string]topicConfig {
	if len(topics) == 0 {
		return nil
	}
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.name
	}
	all, err := s.topicConfigs(ctx, names...)
	for p, until := kafkaconnect.Pause(0), time.Now().Add(missingAfter); kafkaconnect.IsTransient(err) && time.Now().Before(until) && p.Sleep(ctx, err) == nil; {
		all, err = s.topicConfigs(ctx, names...)
	}
	if err != nil {
		unread := slices.DeleteFunc(names, func(n string) bool { return all[n] != nil })
		s.log.Info("settings of topics cannot be read, assuming the defaults", zap.Strings("topics", unread), zap.Error(err))
	}
	for _, t := range topics {
		s.applyConfig(t, all[t.name])
	}
	return all
}

// applyConfig applies the settings of one topic.
func (s *Sink) applyConfig(t *topic, conf topicConfig) {
	t.limit = defaultLimit
	if n, err := strconv.Atoi(conf["max.message.bytes"]); err == nil && n > wire.BatchHead {
		t.limit = min(n, maxLimit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.learnedLimits[t.name]; ok {
		t.limit = min(t.limit, n)
	}
	if t.oneReplicaAcks(conf) && !s.warned {
		s.warned = true
		w := oneReplicaAcksWarning(s.cluster, t.name)
		s.log.Warn(w.Reason, zap.String("fix", w.Fix))
	}
}

// learnLimit keeps the limit that a refusal has shown, for the next Open.
func (s *Sink) learnLimit(topic string, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learnedLimits[topic] = limit
}

// topicConfig has the settings of a topic that matter here.
type topicConfig map[string]string

// topicConfigs reads the settings of topics, as far as the ACLs permit; err is the first error in the answer.
func (s *Sink) topicConfigs(ctx context.Context, topics ...string) (all map[string]topicConfig, err error) {
	q := &sarama.DescribeConfigsRequest{Version: 1}
	for _, n := range topics {
		q.Resources = append(q.Resources, &sarama.ConfigResource{
			Type: sarama.TopicResource, Name: n, ConfigNames: []string{"max.message.bytes", minISR, cleanup},
		})
	}
	err = s.cluster.Ask(ctx, func(k *kafkaconnect.Conn) error {
		r, err := k.DescribeConfigs(q)
		if err != nil {
			return err
		}
		all = make(map[string]topicConfig, len(topics))
		for _, res := range r.Resources {
			if e := kafkaconnect.AsError(sarama.KError(res.ErrorCode)); e != nil {
				err = cmp.Or(err, e)
				continue
			}
			conf := topicConfig{}
			for _, e := range res.Configs {
				conf[e.Name] = e.Value
			}
			all[res.Name] = conf
		}
		return err
	})
	return all, err
}
