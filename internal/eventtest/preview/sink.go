package preview

import (
	"context"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
	"github.com/tailrace/tailrace/internal/eventview"
	"github.com/tailrace/tailrace/transform"
)

type (
	// Event is what a sink writes for an event.
	Event = eventview.Event
	// Header is one header of an event.
	Header = eventview.Header
	// Encoding are a sink's settings whose sink writes events as records.
	Encoding = eventview.Encoding
	// Topics are a sink's settings whose sink writes into topics.
	Topics = eventview.Topics
)

// Sink is a sink that nothing is written to. It begins without a memory of earlier changes. One goroutine at a time may use it.
type Sink struct {
	chain daemon.Preview
	view  *eventview.View
}

// New returns the preview of a sink of a pipeline. tables are the shapes of the source's tables.
func New(p config.Pipeline, block config.Block, tables []*capture.Table) (*Sink, error) {
	chain, err := daemon.NewPreview(p, block, tables, zap.NewNop())
	if err != nil {
		return nil, err
	}
	view, err := eventview.New(p.Name, block)
	if err != nil {
		return nil, err
	}
	return &Sink{chain: chain, view: view}, nil
}

func (s *Sink) encode(ev *transform.Event) (Event, error) {
	return s.view.Encode(context.Background(), ev)
}

// HasRecords reports whether the sink writes records, with keys and headers.
func (s *Sink) HasRecords() bool { return s.view.HasRecords() }

// HasTopics reports whether the sink writes into topics.
func (s *Sink) HasTopics() bool { return s.view.HasTopics() }

// Rules returns the counters of the sink's rules.
func (s *Sink) Rules() []*transform.Rule { return s.chain.Rules.All() }
