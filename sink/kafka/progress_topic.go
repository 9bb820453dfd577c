package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// ensureProgressTopic describes the progress topic and creates it when it is missing: compacted and with small
// segments, because a lane writes up to 20 records a second and only closed segments are compacted.
func (s *Sink) ensureProgressTopic(ctx context.Context) (*topics.Topic, error) {
	for created := false; ; created = true {
		m, err := s.cluster.Metadata(ctx, s.progressTopic)
		if err != nil {
			return nil, err
		}
		found := topics.FromMetadata(m, s.progressTopic)[s.progressTopic]
		home, err := found.Topic, found.Err
		if err != nil {
			err = topics.DescribeError(s.cluster, s.progressTopic, err)
		}
		switch {
		case err == nil && home.Partitions[0].Leader >= 0:
			s.updateRetention(s.topics.ReadLimits(ctx, []*topics.Topic{home})[home.Name])
			return home, nil
		case topics.IsUnknown(err) && !created:
			if err := s.topics.Create(ctx, []string{s.progressTopic}, &progressCreation)[s.progressTopic]; err != nil {
				return nil, err
			}
		case err != nil && !kafkaconnect.IsTransient(err):
			return nil, err
		}
		select {
		case <-ctx.Done():
			if err == nil {
				return nil, topics.Offline(s.cluster, home.Partitions)
			}
			return nil, fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// findProgressTopic describes the progress topic; it returns nil when there is none.
func (s *Sink) findProgressTopic(ctx context.Context) (*topics.Topic, error) {
	all, err := topics.Describe(ctx, s.cluster, s.progressTopic)
	if err != nil {
		return nil, err
	}
	if home := all[s.progressTopic]; !topics.IsUnknown(home.Err) {
		return home.Topic, home.Err
	}
	return nil, nil
}

var progressCreation = topics.Creation{Partitions: 1, Config: map[string]string{
	topics.Cleanup: "compact", "segment.bytes": "8388608", "min.cleanable.dirty.ratio": "0.1",
}}
