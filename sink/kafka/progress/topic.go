package progress

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// Topic is the progress topic of a Kafka cluster, as one sink of one pipeline uses it. Its methods may be called by any
// goroutine.
type Topic struct {
	Name       string
	AckTimeout time.Duration // how long a broker waits for its replicas
	prefix     string        // of the keys of the sink
	cluster    *kafkaconnect.Cluster
	admin      *topics.Admin
	log        *zap.Logger

	mu     sync.Mutex // guards what follows
	health sink.Health
}

// NewTopic returns the progress topic with a name; it contacts nothing.
func NewTopic(name, pipeline, sink string, c *kafkaconnect.Cluster, admin *topics.Admin, log *zap.Logger) *Topic {
	return &Topic{Name: name, prefix: pipeline + "/" + sink + "/", cluster: c, admin: admin, log: log}
}

// Key is the key of a lane's record. lane is what LaneName returns.
func (t *Topic) Key(lane string) string { return t.prefix + lane }

// Ensure describes the progress topic and creates it when it is missing: compacted and with small
// segments, because a lane writes up to 20 records a second and only closed segments are compacted.
func (t *Topic) Ensure(ctx context.Context) (*topics.Topic, error) {
	for created := false; ; created = true {
		m, err := t.cluster.Metadata(ctx, t.Name)
		if err != nil {
			return nil, err
		}
		found := topics.FromMetadata(m, t.Name)[t.Name]
		home, err := found.Topic, found.Err
		if err != nil {
			err = topics.DescribeError(t.cluster, t.Name, err)
		}
		switch {
		case err == nil && home.Partitions[0].Leader >= 0:
			t.updateRetention(t.admin.ReadLimits(ctx, []*topics.Topic{home})[home.Name])
			return home, nil
		case topics.IsUnknown(err) && !created:
			if err := t.admin.Create(ctx, []string{t.Name}, &creation)[t.Name]; err != nil {
				return nil, err
			}
		case err != nil && !kafkaconnect.IsTransient(err):
			return nil, err
		}
		select {
		case <-ctx.Done():
			if err == nil {
				return nil, topics.Offline(t.cluster, home.Partitions)
			}
			return nil, fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Find describes the progress topic; it returns nil when there is none.
func (t *Topic) Find(ctx context.Context) (*topics.Topic, error) {
	all, err := topics.Describe(ctx, t.cluster, t.Name)
	if err != nil {
		return nil, err
	}
	if home := all[t.Name]; !topics.IsUnknown(home.Err) {
		return home.Topic, home.Err
	}
	return nil, nil
}

var creation = topics.Creation{Partitions: 1, Config: map[string]string{
	topics.Cleanup: "compact", "segment.bytes": "8388608", "min.cleanable.dirty.ratio": "0.1",
}}

// Deleted returns the state that ends a Writer whose progress topic is gone. The next Open creates the topic
// and writes the record again.
func Deleted(name, more string) *capture.Problem {
	return &capture.Problem{
		State: "progress_deleted", Usage: true,
		Reason: fmt.Sprintf("progress topic %s was deleted%s while we run: the topic and our record are created again", name, more),
		Fix:    "find out what deletes it: a daemon that starts, or a standby that takes over, before the record is there again halts with no_record",
	}
}
