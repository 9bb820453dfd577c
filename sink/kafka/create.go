package kafka

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/kafka/wire"
)

// defaultLimit is max.message.bytes where it cannot be read, as brokers have it by default.
const defaultLimit = 1048588

// limitMax bounds a batch whatever the topic takes: a broker refuses requests over 100 MiB.
const limitMax = 64 << 20

// progressHome describes the progress topic. It is created when missing: compacted, in small segments, because a lane
// writes up to 20 records a second and only closed segments are compacted.
func (s *Sink) progressHome(ctx context.Context) (*topic, error) {
	for created := false; ; created = true {
		m, err := s.cluster.metadata(ctx, s.progressTopic)
		if err != nil {
			return nil, err
		}
		t, err := topicFrom(m, s.progressTopic)
		switch {
		case err == nil && t.parts[0].leader >= 0:
			s.judgeRetention(s.limits(ctx, t))
			return t, nil
		case isCode(err, sarama.ErrTopicAuthorizationFailed):
			return nil, s.cluster.notAuthorized("Topic", s.progressTopic, "DESCRIBE", err)
		case isCode(err, sarama.ErrUnknownTopicOrPartition) && !created:
			if err := s.create(ctx, s.progressTopic, progressDetail()); err != nil {
				return nil, err
			}
		case err != nil && judgeError(err) != again:
			return nil, fmt.Errorf("describe topic %s: %w", s.progressTopic, err)
		}
		select {
		case <-ctx.Done():
			if err == nil {
				return nil, s.cluster.offline(t.parts)
			}
			return nil, fmt.Errorf("describe topic %s: %w (%w)", s.progressTopic, err, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// homeIfAny describes the progress topic; nil: there is none.
func (s *Sink) homeIfAny(ctx context.Context) (*topic, error) {
	all, err := s.cluster.describe(ctx, s.progressTopic)
	if err != nil {
		return nil, err
	}
	home := all[s.progressTopic]
	switch {
	case isCode(home.err, sarama.ErrUnknownTopicOrPartition):
		return nil, nil
	case isCode(home.err, sarama.ErrTopicAuthorizationFailed):
		return nil, s.cluster.notAuthorized("Topic", s.progressTopic, "DESCRIBE", home.err)
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

// create makes a topic; it is no error when somebody else just did. What the controller refuses for a moment is asked again.
func (s *Sink) create(ctx context.Context, name string, d *sarama.TopicDetail) error {
	for p, until := pause(0), time.Now().Add(createTimeout); ; {
		err := s.createOnce(ctx, name, d)
		problem := capture.AsProblem(err)
		gone := problem != nil && problem.State == "kafka_unreachable" // the controller may be another broker by now
		if err == nil || !gone && !passes(err) || time.Now().After(until) {
			return err
		}
		if err := p.sleep(ctx, err); err != nil {
			return err
		}
		was := s.cluster.controller()
		if _, why := s.cluster.metadata(ctx, name); why != nil {
			return fmt.Errorf("%w (%w)", err, why)
		}
		if gone && s.cluster.controller() == was {
			return err
		}
	}
}

func (s *Sink) createOnce(ctx context.Context, name string, d *sarama.TopicDetail) error {
	var result *sarama.TopicError
	err := s.cluster.askController(ctx, func(k *conn) error {
		r, err := k.CreateTopics(&sarama.CreateTopicsRequest{
			Version: 5, Timeout: createTimeout, TopicDetails: map[string]*sarama.TopicDetail{name: d},
		})
		if err != nil {
			return err
		}
		if result = r.TopicErrors[name]; result == nil {
			result = &sarama.TopicError{Err: sarama.ErrNoError}
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("create topic %s: %w", name, err)
	case result.Err == sarama.ErrNoError:
		s.log.Info("topic created", zap.String("topic", name))
		return nil
	case result.Err == sarama.ErrTopicAlreadyExists:
		return nil
	case result.Err == sarama.ErrTopicAuthorizationFailed, result.Err == sarama.ErrClusterAuthorizationFailed:
		return s.cluster.notAuthorized("Topic", name, "CREATE", result.Err)
	case result.ErrMsg != nil:
		return fmt.Errorf("create topic %s: %w: %s", name, result.Err, *result.ErrMsg)
	}
	return fmt.Errorf("create topic %s: %w", name, result.Err)
}

// limits reads how large a topic's batches may be, and warns of one whose acknowledgements promise little. Without the
// right to read it the default stands; the broker's refusals teach the rest. It returns the settings that it could read.
func (s *Sink) limits(ctx context.Context, t *topic) map[string]string {
	t.limit = defaultLimit
	conf, err := s.settingsOf(ctx, t.name)
	for p, until := pause(0), time.Now().Add(missingAfter); passes(err) && time.Now().Before(until) && p.sleep(ctx, err) == nil; {
		conf, err = s.settingsOf(ctx, t.name)
	}
	if err != nil {
		s.log.Info("settings of a topic cannot be read, the defaults are assumed", zap.String("topic", t.name), zap.Error(err))
	}
	if n, err := strconv.Atoi(conf["max.message.bytes"]); err == nil && n > wire.BatchHead {
		t.limit = min(n, limitMax)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.learned[t.name]; ok {
		t.limit = min(t.limit, n)
	}
	if t.alone(conf) && !s.warned {
		s.warned = true
		w := s.cluster.oneEnough(t.name)
		s.log.Warn(w.Reason, zap.String("fix", w.Fix))
	}
	return conf
}

// learn keeps the limit that a refusal taught, for the next Open.
func (s *Sink) learn(topic string, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learned[topic] = limit
}

// settingsOf reads the settings of a topic that matter here.
func (s *Sink) settingsOf(ctx context.Context, topic string) (map[string]string, error) {
	conf := map[string]string{}
	err := s.cluster.ask(ctx, func(k *conn) error {
		r, err := k.DescribeConfigs(&sarama.DescribeConfigsRequest{Version: 1, Resources: []*sarama.ConfigResource{{
			Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"max.message.bytes", insync, cleanup},
		}}})
		if err != nil {
			return err
		}
		for _, res := range r.Resources {
			if res.ErrorCode != 0 {
				return sarama.KError(res.ErrorCode)
			}
			for _, e := range res.Configs {
				conf[e.Name] = e.Value
			}
		}
		return nil
	})
	return conf, err
}
