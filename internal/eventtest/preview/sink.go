package preview

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
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

// Sink is a sink that nothing is written to. It begins without a memory of earlier changes. One goroutine at a time may use it.
type Sink struct {
	chain   daemon.Preview
	records format.Encoder // of the sink's format; nil: the sink writes no records
	events  format.Encoder // cloudevents: the data of a plain change, and the ids
	topic   func(*transform.Event) (string, error)
	table   *capture.Table // that the encoders are prepared for
	buffer  format.Buffer
}

// New returns the preview of a sink of a pipeline. tables are the shapes of the source's tables.
func New(p config.Pipeline, block config.Block, tables []*capture.Table) (*Sink, error) {
	chain, err := daemon.NewPreview(p, block, tables, zap.NewNop())
	if err != nil {
		return nil, err
	}
	s := &Sink{chain: chain}
	if s.events, err = formats.New(format.CloudEvents, format.Options{Pipeline: p.Name}); err != nil {
		return nil, err
	}
	if e, can := block.Settings.(Encoding); can {
		if s.records, err = e.Encoder(p.Name); err != nil {
			return nil, fmt.Errorf("sink %q %q: %w", block.Kind, block.Name, err)
		}
	}
	if t, can := block.Settings.(Topics); can {
		if s.topic, err = t.TopicOf(p.Name); err != nil {
			return nil, fmt.Errorf("sink %q %q: %w", block.Kind, block.Name, err)
		}
	}
	return s, nil
}

// HasRecords reports whether the sink writes records, with keys and headers.
func (s *Sink) HasRecords() bool { return s.records != nil }

// HasTopics reports whether the sink writes into topics.
func (s *Sink) HasTopics() bool { return s.topic != nil }

// Rules returns the counters of the sink's rules.
func (s *Sink) Rules() []*transform.Rule { return s.chain.Rules.All() }
