package daemon

import (
	"context"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// Kinds is the one table of what a pipeline file may name. Each function returns a new pointer to a settings struct
// with hcl tags, which package config fills.
type Kinds struct {
	Sources map[string]func() SourceSettings
	Sinks   map[string]func() SinkSettings
}

// Config is the table as package config wants it, which knows no kind.
func (k Kinds) Config() config.Kinds {
	c := config.Kinds{Sources: make(map[string]func() any), Sinks: make(map[string]func() any)}
	for name, settings := range k.Sources {
		c.Sources[name] = func() any { return settings() }
	}
	for name, settings := range k.Sinks {
		c.Sinks[name] = func() any { return settings() }
	}
	return c
}

// SourceSettings is a decoded source block. Its methods are told the pipeline's name; adapters implement them without
// importing this package.
type SourceSettings interface {
	// Source makes the source; it contacts nothing.
	Source(pipeline string, log *zap.Logger) (capture.Source, error)
	// Check looks at the live server and returns every problem it finds, as *capture.Problem where it has a name, and
	// what it warns of, as *capture.Warning; it changes nothing.
	Check(ctx context.Context, pipeline string) []error
	// Look reads what the start rule judges by, for records of sinks: the source's lane, its slot, and what the server
	// knows of each record. It changes nothing, and a daemon may run.
	Look(ctx context.Context, pipeline string, records []capture.Record) (
		capture.Origin, capture.Slot, []capture.Comparison, error)
	// Drop removes what the source created on the server, refusing what is in use; it returns a line for each thing it
	// removed or, with dry, would remove. What is not there is no error.
	Drop(ctx context.Context, pipeline string, dry bool) ([]string, error)
}

// SinkSettings is a decoded sink block. Its methods are told the pipeline's and the sink's name.
type SinkSettings interface {
	// Sink makes the sink; it contacts nothing.
	Sink(pipeline, name string, log *zap.Logger) (sink.Sink, error)
	// Check looks at the live target, as SourceSettings.Check.
	Check(ctx context.Context, pipeline, name string) []error
	// Drop removes the progress record; it returns a line for each thing it removed (with dry: would remove) and one,
	// beginning with "left: ", for each it leaves to the user, such as topics. from is the source's lane.
	Drop(ctx context.Context, pipeline, name string, from capture.Origin, dry bool) ([]string, error)
}

// KeyChanges is a sink's settings that take a change of a row's key as the one update that it is. Every other sink gets a
// delete and an insert for it.
type KeyChanges interface{ KeyChanges() bool }

// Begins is a sink's settings that may say how the sink begins when it is found without a record next to an older slot: "now",
// "copy", or "" for what the source says.
type Begins interface{ Begins() string }

// Copies is a source's settings that say whether a sink without a record gets a copy of all rows where its block does not say
// how it begins. With every other source the pipeline halts there.
type Copies interface{ Copies() bool }

// begin is how a sink of a pipeline begins.
func begin(p config.Pipeline, sink config.Block) startrule.Begin {
	word := ""
	if b, says := sink.Settings.(Begins); says {
		word = b.Begins()
	}
	source, copies := p.Source.Settings.(Copies)
	switch {
	case word == "now":
		return startrule.FromNow
	case word == "copy":
		return startrule.CopyRows
	case copies && source.Copies():
		return startrule.CopyIfNew
	}
	return startrule.Ask
}

// Memory is a sink's settings that know how many bytes it has on its way beside the window, what the garbage collector
// needs to work over them included. Every other sink counts for perSink.
type Memory interface{ Memory() int64 }

// WALEnd is a Source that can say where its server's write-ahead log ends now: all commits that have returned to their
// clients stand below it. `tailrace wait` needs it.
type WALEnd interface {
	WALEnd(ctx context.Context) (capture.LSN, error)
}
