package daemon

import (
	"context"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// Kinds is the table of the sources, sinks and steps that a pipeline file may name. Each function returns a new pointer to a
// settings struct with hcl tags, which package config fills.
type Kinds struct {
	Sources map[string]func() SourceSettings
	Sinks   map[string]func() SinkSettings
	Steps   map[string]StepKind
}

// StepKind is a type of block that transforms changes.
type StepKind struct {
	Settings func() StepSettings
	Pipeline bool     // it belongs in a pipeline block, for all sinks
	Sinks    []string // the types of sinks that it belongs in
}

// Config returns the table for package config, which knows no kind.
func (k Kinds) Config() config.Kinds {
	c := config.Kinds{
		Sources: make(map[string]func() any), Sinks: make(map[string]func() any), Steps: make(map[string]config.StepKind),
	}
	for name, settings := range k.Sources {
		c.Sources[name] = func() any { return settings() }
	}
	for name, settings := range k.Sinks {
		c.Sinks[name] = func() any { return settings() }
	}
	for name, k := range k.Steps {
		c.Steps[name] = config.StepKind{
			Settings: func() any { return k.Settings() }, Pipeline: k.Pipeline, Sinks: k.Sinks,
		}
	}
	return c
}

// SourceSettings is a decoded source block. Its methods get the pipeline's name; adapters implement them without importing this
// package.
type SourceSettings interface {
	// Source returns the source; it contacts no server.
	Source(pipeline string, log *zap.Logger) (capture.Source, error)
	// Check reads the live server and returns every problem, as *capture.Problem where it has a name, and every warning, as
	// *capture.Warning. It changes nothing.
	Check(ctx context.Context, pipeline string) []error
	// Look reads the evidence of the start rule for records of sinks: the source's lane, its slot, and what the server knows of
	// each record. It changes nothing, and a daemon may run.
	Look(ctx context.Context, pipeline string, records []capture.Record) (
		capture.Origin, capture.Slot, []capture.Comparison, error)
	// Drop removes what the source created on the server and refuses what is in use; it returns a line for each thing that it
	// removed or, with dry, would remove. A missing thing is not an error.
	Drop(ctx context.Context, pipeline string, dry bool) ([]string, error)
}

// SinkSettings is a decoded sink block. Its methods get the pipeline's and the sink's name.
type SinkSettings interface {
	// Sink returns the sink; it contacts no server.
	Sink(pipeline, name string, log *zap.Logger) (sink.Sink, error)
	// Check reads the live target, as SourceSettings.Check does.
	Check(ctx context.Context, pipeline, name string) []error
	// Drop removes the progress record; it returns a line for each thing that it removed (with dry: would remove) and one,
	// beginning with "left: ", for each it leaves to the user, such as topics. from is the source's lane.
	Drop(ctx context.Context, pipeline, name string, from capture.Origin, dry bool) ([]string, error)
}

// NumericFormatter are the settings of sinks whose format can have numeric values as JSON numbers. Events of blocks follow it.
type NumericFormatter interface{ NumericAsNumber() bool }

// StepSettings is a decoded block that transforms changes.
type StepSettings interface {
	// Step returns the step for one sink; it contacts no server. It is called once for each sink that has the step, so that what it
	// returns may keep state: the chain of a sink runs on one goroutine.
	Step(at transform.Site, log *zap.Logger) (transform.Func, error)
}

// Fuser are the settings of steps that are built together with the steps of the same kind that directly follow them, so that many
// rules over one table cost little more than one.
type Fuser interface {
	StepSettings
	// Fuse returns one step for run, which begins with the block of these settings.
	Fuse(at transform.Site, run []config.Step, log *zap.Logger) (transform.Func, error)
}

// Collector are the settings of steps that remember the changes of a transaction and make events of them at its end.
type Collector interface {
	StepSettings
	// Collect returns the step in place of Step.
	Collect(at transform.Site, log *zap.Logger) (transform.Step, error)
}

// Masker are the settings of steps that, in a pipeline block, act before the window: nothing is buffered, logged or parked before
// they have masked it. They are then no step of the chains of the sinks, and come before all of them.
type Masker interface {
	StepSettings
	// Mask returns the mask; it contacts no server. It is called once for the stream and once for the copies of rows of each sink, so
	// that what it returns may keep state: one goroutine at a time uses each. The sink of at is "".
	Mask(at transform.Site, log *zap.Logger) (transform.RowMask, error)
}

// Publisher are the settings of steps that make events of their own. A sink that has one publishes no plain changes, except for
// those that a changes block admits.
type Publisher interface{ Publishes() bool }

// Admitter are the settings of steps that define which plain changes a sink publishes next to the events that blocks make.
type Admitter interface {
	// Admits reports whether the changes of a table are published.
	Admits(schema, table string) bool
}

// MessageReader are the settings of steps that turn logical messages into events. The chain of a sink without one gets none.
type MessageReader interface{ ReadsMessages() bool }

// Deleter are the settings of steps that may have rows deleted from the source once their events are durable in the sink.
type Deleter interface {
	Deletes() bool
	// DeletesFrom reports whether they may be rows of a table.
	DeletesFrom(schema, table string) bool
}

// ColumnMasker are the settings of steps that change the values of columns.
type ColumnMasker interface {
	// MaskedColumns returns the names of the columns of a table that the step changes.
	MaskedColumns(t *capture.Table) []string
}

// MaskAware are a source's settings that have to know which tables have masks: columns that are added to them are not published
// unless the file says so, or a new column with a secret would leak.
type MaskAware interface {
	// SetMasked is called before any other method. masked returns the columns of a table that masks name; any goroutine may call it.
	SetMasked(masked func(schema, table string) (columns []string))
}

// RowChecker are a source's settings with conditions over the rows of tables.
type RowChecker interface {
	// CheckRows reports what of the conditions does not fit the tables of the live source.
	CheckRows(ctx context.Context, pipeline string) (hcl.Diagnostics, error)
}

// RowDeleter are a source's settings that can delete rows from its tables.
type RowDeleter interface {
	// DeleteRows deletes rows by the texts of the columns of their key. A row that does not exist is no error.
	DeleteRows(ctx context.Context, pipeline string, t *capture.Table, keys [][]string) error
}

// TableChecker are the settings of steps that can be checked against the tables of the live source.
type TableChecker interface {
	// CheckTables reports what does not fit the tables. They have their columns, types, keys and replica identities as a stream has
	// them.
	CheckTables(tables []*capture.Table) hcl.Diagnostics
}

// TableNamer are the settings of steps that name tables.
type TableNamer interface {
	// CheckNames reports the tables that the step names and the source does not select. A name with a wildcard may match any.
	CheckNames(selects func(schema, table string) bool) hcl.Diagnostics
}

// TableSelector are a source's settings that define which tables are published.
type TableSelector interface {
	// Selects reports whether the file selects a table. known is false when the file does not tell.
	Selects(schema, table string) (selects, known bool)
}

// TableLister are a source's settings that can read the shapes of the tables that it publishes, or would publish. It changes
// nothing.
type TableLister interface {
	Tables(ctx context.Context, pipeline string) ([]*capture.Table, error)
}

// Headers are a sink's settings whose sink publishes the headers of events.
type Headers interface{ TakesHeaders() bool }

// KeyChanges are a sink's settings that take a change of a row's key as one update. Every other sink gets a delete and an insert.
type KeyChanges interface{ KeyChanges() bool }

// Begins are a sink's settings that may define how the sink begins when it has no record next to an older slot: "now", "copy", or
// "" for the source's default.
type Begins interface{ Begins() string }

// Copies are a source's settings that define whether a sink without a record gets a copy of all rows when its block does not define
// how it begins. With every other source the pipeline halts.
type Copies interface{ Copies() bool }

// begin is how a sink of a pipeline begins.
func begin(p config.Pipeline, sink config.Block) startrule.Begin {
	start := ""
	if b, can := sink.Settings.(Begins); can {
		start = b.Begins()
	}
	source, copies := p.Source.Settings.(Copies)
	switch {
	case start == "now":
		return startrule.FromNow
	case start == "copy":
		return startrule.CopyRows
	case copies && source.Copies():
		return startrule.CopyIfNew
	}
	return startrule.Ask
}

// Memory are settings of a sink or a step that know how many bytes it takes besides the window, including what the garbage collector
// needs for them. Every other sink counts for sinkBytes, and every other step for nothing.
type Memory interface{ Memory() int64 }

// Warnings are a source's settings whose pipelines may be in states of the kind warning that last until the operator accepts them.
type Warnings interface {
	// Warnings are the names of these states.
	Warnings() []string
	// AcceptWarning returns what is accepted with such a state, by the sinks' records; nothing when the pipeline is not in it. update
	// returns the state of a record after that, from the one that it has when it is written: it replaces only what is accepted. It is nil
	// when nothing is.
	AcceptWarning(ctx context.Context, pipeline, state string, records []capture.Record) (update func([]byte) []byte, lost []string, err error)
}
