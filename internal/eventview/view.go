package eventview

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
	"github.com/tailrace/tailrace/transform"
)

// Encoding are a sink's settings whose sink writes events as records.
type Encoding interface {
	// Encoder returns the encoder of the sink's format.
	Encoder(pipeline string) (format.Encoder, error)
}

// Topics are a sink's settings whose sink writes into topics.
type Topics interface {
	// TopicOf returns a function that names the topic of an event. Its error is a *sink.Rejected for a topic that the target can never
	// have.
	TopicOf(pipeline string) (func(*transform.Event) (string, error), error)
}

// View shows the events of one sink. One goroutine at a time may use it.
type View struct {
	records format.Encoder // of the sink's format; nil: the sink writes no records
	events  format.Encoder // cloudevents: the data of a plain change, and the ids
	topic   func(*transform.Event) (string, error)
	table   *capture.Table // that the encoders are prepared for
	buffer  format.Buffer
}

// New returns the view of a sink of a pipeline.
func New(pipeline string, block config.Block) (*View, error) {
	v := &View{}
	var err error
	if v.events, err = formats.New(format.CloudEvents, format.Options{Pipeline: pipeline}); err != nil {
		return nil, err
	}
	if e, can := block.Settings.(Encoding); can {
		if v.records, err = e.Encoder(pipeline); err != nil {
			return nil, fmt.Errorf("sink %q %q: %w", block.Kind, block.Name, err)
		}
	}
	if t, can := block.Settings.(Topics); can {
		if v.topic, err = t.TopicOf(pipeline); err != nil {
			return nil, fmt.Errorf("sink %q %q: %w", block.Kind, block.Name, err)
		}
	}
	return v, nil
}

// HasRecords reports whether the sink writes records, with keys and headers.
func (v *View) HasRecords() bool { return v.records != nil }

// HasTopics reports whether the sink writes into topics.
func (v *View) HasTopics() bool { return v.topic != nil }
