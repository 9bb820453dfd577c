package kafka

import (
	"context"
	"fmt"
	"strings"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink"
)

// topicFor is topic for a name that, unless own is set, comes from a row: the application can choose anything, and only the event
// is rejected when Kafka cannot have that topic.
func (w *Writer) topicFor(ctx context.Context, name string, own bool) (*topic, error) {
	if own {
		return w.topic(ctx, name, true)
	}
	if t := w.topics[name]; t != nil {
		return t, nil
	}
	if err := checkRowTopic(name, w.sink.progress.Name); err != nil {
		return nil, rejectedTopic(err)
	}
	t, err := w.topic(ctx, name, false)
	if kafkaconnect.IsCode(err, sarama.ErrInvalidTopic) { // also a name that differs from that of another topic only in "." and "_"
		return nil, rejectedTopic(err)
	}
	return t, err
}

// checkRowTopic returns an error for a name that an event must not bring: one that Kafka cannot have, that of a topic of Kafka's own,
// and that of the progress topic, whose records only the sink writes.
func checkRowTopic(name, progressTopic string) error {
	switch {
	case !kafkaconnect.IsTopicName(name):
		return fmt.Errorf("%q cannot be the name of a topic", shortenTo(maxKeyShown, name))
	case strings.HasPrefix(name, "__"):
		return fmt.Errorf("%s is the name of an internal topic of Kafka", name)
	case name == progressTopic:
		return fmt.Errorf("%s is the topic of the progress records", name)
	}
	return nil
}

func rejectedTopic(err error) *sink.Rejected { return &sink.Rejected{Reason: "topic_name", Err: err} }
