package progress

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

// Expires returns the warning for a progress topic that deletes records.
func Expires(c *kafkaconnect.Cluster, topic, policy string) *capture.Problem {
	return &capture.Problem{
		State: "progress_expires", Usage: true,
		Reason: fmt.Sprintf("topic %s has %s=%s: the progress record, and a verdict in it, is deleted when no daemon has run for the "+
			"topic's retention time", topic, topics.Cleanup, policy),
		Fix: c.SetTopicConfig(topic, topics.Cleanup, "compact"),
	}
}

// updateRetention follows the retention settings of the progress topic. Each change is logged.
func (t *Topic) updateRetention(conf topics.Config) {
	if conf[topics.Cleanup] == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.health.Warning
	switch {
	case !conf.DeletesRecords():
		if t.health = (sink.Health{}); was != nil {
			t.log.Info("the progress topic keeps records now", zap.String("topic", t.Name))
		}
	case was == nil:
		p := Expires(t.cluster, t.Name, conf[topics.Cleanup])
		t.health = sink.Health{Warning: p, Since: time.Now()}
		t.log.Warn(p.Reason, zap.String("state", p.State), zap.String("fix", p.Fix))
	}
}

// Health warns of a topic that deletes records.
func (t *Topic) Health() sink.Health {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.health
}

// ReadRetention reports whether the topic deletes the records of lanes that do not write.
func (t *Topic) ReadRetention(ctx context.Context) (deletes bool, err error) {
	all, err := t.admin.Configs(ctx, t.Name)
	if err != nil {
		return false, err
	}
	t.updateRetention(all[t.Name])
	return all[t.Name].DeletesRecords(), nil
}
