package daemon

import (
	"context"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// Kinds is the one table of what a pipeline file may name. Each function returns a new pointer to a settings struct
// with hcl tags, which package config fills.
type Kinds struct {
	Sources map[string]func() SourceSettings
	Sinks   map[string]func() SinkSettings
}

// Name says which block of which pipeline settings belong to.
type Name struct {
	Pipeline string
	Block    string // a sink's name; "" for the source
}

// SourceSettings is a decoded source block.
type SourceSettings interface {
	// Source makes the source; it contacts nothing.
	Source(n Name, log *zap.Logger) (capture.Source, error)
	// Check looks at the live server and returns every problem it finds, as *capture.Problem where it has a name; it
	// changes nothing.
	Check(ctx context.Context, n Name) []error
	// Drop removes what the source created on the server, refusing what is in use; it returns a line for each thing it
	// removed or, with dry, would remove.
	Drop(ctx context.Context, n Name, dry bool) ([]string, error)
}

// SinkSettings is a decoded sink block.
type SinkSettings interface {
	// Sink makes the sink; it contacts nothing.
	Sink(n Name, log *zap.Logger) (sink.Sink, error)
	// Check looks at the live target, as SourceSettings.Check.
	Check(ctx context.Context, n Name) []error
	// Drop removes the progress record; it returns a line for each thing it removed (with dry: would remove) and one,
	// beginning with "left: ", for each it leaves to the user, such as topics.
	Drop(ctx context.Context, n Name, dry bool) ([]string, error)
}
