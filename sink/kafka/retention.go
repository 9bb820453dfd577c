package kafka

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
)

// cleanup is the setting for what Kafka does with old records: "compact" keeps the newest record of each key.
const cleanup = "cleanup.policy"

// deletesRecords reports whether a topic with these settings deletes the newest record of a key after some time. It
// is false where the settings cannot be read.
func deletesRecords(conf topicConfig) bool {
	policy, known := conf[cleanup]
	return known && strings.Contains(policy, "delete")
}

// progressExpires returns the warning for a progress topic that deletes records.
func progressExpires(c *kafkaconnect.Cluster, topic, policy string) *capture.Problem {
	return &capture.Problem{
		State: "progress_expires", Usage: true,
		Reason: fmt.Sprintf("topic %s has %s=%s: the progress record, and a verdict in it, is deleted when no daemon has run for the "+
			"topic's retention time", topic, cleanup, policy),
		Fix: c.SetTopicConfig(topic, cleanup, "compact"),
	}
}

// updateRetention follows the retention settings of the progress topic. Each change is logged.
func (s *Sink) updateRetention(conf topicConfig) {
	if conf[cleanup] == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.health.Warning
	switch {
	case !deletesRecords(conf):
		if s.health = (sink.Health{}); was != nil {
			s.log.Info("the progress topic keeps records now", zap.String("topic", s.progressTopic))
		}
	case was == nil:
		p := progressExpires(s.cluster, s.progressTopic, conf[cleanup])
		s.health = sink.Health{Warning: p, Since: time.Now()}
		s.log.Warn(p.Reason, zap.String("state", p.State), zap.String("fix", p.Fix))
	}
}

// Health implements sink.HealthReporter.
func (s *Sink) Health() sink.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

// keepProgressRecord checks whether the progress topic keeps its records, and writes ours again where it does not: so
// the record never becomes old while the Writer is open, however idle the source is.
func (w *Writer) keepProgressRecord() {
	ctx, stop := context.WithTimeout(w.ctx, 10*time.Second)
	defer stop()
	all, err := w.sink.topicConfigs(ctx, w.commits.part.topic.name)
	if err != nil {
		return // refreshMetadata fails too, and reports it
	}
	conf := all[w.commits.part.topic.name]
	w.sink.updateRetention(conf)
	if !deletesRecords(conf) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rewriteProgressLocked()
}
