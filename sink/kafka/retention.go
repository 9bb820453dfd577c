package kafka

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// progressExpires returns the warning for a progress topic that deletes records.
func progressExpires(c *kafkaconnect.Cluster, topic, policy string) *capture.Problem {
	return &capture.Problem{
		State: "progress_expires", Usage: true,
		Reason: fmt.Sprintf("topic %s has %s=%s: the progress record, and a verdict in it, is deleted when no daemon has run for the "+
			"topic's retention time", topic, topics.Cleanup, policy),
		Fix: c.SetTopicConfig(topic, topics.Cleanup, "compact"),
	}
}

// updateRetention follows the retention settings of the progress topic. Each change is logged.
func (s *Sink) updateRetention(conf topics.Config) {
	if conf[topics.Cleanup] == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.health.Warning
	switch {
	case !conf.DeletesRecords():
		if s.health = (sink.Health{}); was != nil {
			s.log.Info("the progress topic keeps records now", zap.String("topic", s.progressTopic))
		}
	case was == nil:
		p := progressExpires(s.cluster, s.progressTopic, conf[topics.Cleanup])
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
	all, err := w.sink.topics.Configs(ctx, w.commits.part.topic.name)
	if err != nil {
		return // refreshMetadata fails too, and reports it
	}
	conf := all[w.commits.part.topic.name]
	w.sink.updateRetention(conf)
	if !conf.DeletesRecords() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rewriteProgressLocked()
}
