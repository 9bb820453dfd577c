package kafka

import (
	"context"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

const mainLane = "main"

// transactionalID names the lane to Kafka's coordinator: taking an epoch for it fences earlier writers. lane is what
// laneName returns.
func (s *Sink) transactionalID(lane string) string {
	id := "tailrace." + s.pipeline + "." + s.name
	if lane != mainLane {
		id += "." + lane
	}
	return id
}

// laneName returns the name of a lane in the progress topic.
func (s *Sink) laneName(ctx context.Context, home *topics.Topic, lane string, from capture.Origin) (string, error) {
	return s.progress.LaneName(ctx, home, lane, from, func(name string) bool { return s.lastOf(name) != nil })
}
