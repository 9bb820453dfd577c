package kafka

import (
	"slices"

	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/transform"
)

// Encoder returns the encoder of the sink's format, for a preview of what the sink writes.
func (s *Settings) Encoder(pipeline string) (format.Encoder, error) {
	o, err := s.options(pipeline, "")
	if err != nil {
		return nil, err
	}
	return o.encoder()
}

// TopicOf returns a function that names the topic of an event as a Writer does, without asking a broker. Its error is a *sink.Rejected
// for a topic that comes from a row and that Kafka cannot have.
func (s *Settings) TopicOf(pipeline string) (func(*transform.Event) (string, error), error) {
	o, err := s.options(pipeline, "")
	if err != nil {
		return nil, err
	}
	return func(e *transform.Event) (string, error) {
		name, own := e.Topic, false
		if name == "" {
			t := e.Change.Table
			if name, err = o.Topic(t.Schema, t.Name); err != nil {
				return "", err
			}
			own = t.Schema != "" // the application chooses the prefix of a message
		}
		if own || slices.Contains(o.Fixed, name) {
			return name, nil
		}
		if err := checkRowTopic(name, o.progressTopic()); err != nil {
			return "", rejectedTopic(err)
		}
		return name, nil
	}, nil
}
