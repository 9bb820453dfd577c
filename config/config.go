package config

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// File is the contents of all files of one call.
type File struct {
	Daemon    Daemon
	Pipelines []Pipeline // in the order of the files; disabled ones are left out
	Hash      string     // of the files' text, hex: a label of tailrace_config_info
	Paths     []string   // the arguments of Load
}

// Daemon is the daemon block, with its defaults filled in.
type Daemon struct {
	Listen string // "127.0.0.1:9187"
	Token  Secret // for calls that change state or show values of rows; "": they are refused
	Memory int64  // bytes of all windows together; 0: a share of the cgroup's limit
}

// Pipeline is a pipeline block.
type Pipeline struct {
	Name   string
	Window int64 // bytes in flight; DefaultWindow unless the block has one
	Source Block
	Sinks  []Block
	Steps  []Step // in the order of the file; for all sinks
	Range  hcl.Range
}

// Block is a source or a sink block with the settings of its kind.
type Block struct {
	Kind     string // the first label
	Name     string // a sink's second label
	Settings any    // the pointer that the kind's function returned, filled
	Steps    []Step // of a sink: in the order of the file
	Range    hcl.Range
}

// Step is a block of a pipeline or a sink that transforms changes, with the settings of its kind.
type Step struct {
	Kind     string // the block's type
	Labels   []string
	Settings any // the pointer that the kind's function returned, filled
	Range    hcl.Range
}

// String returns the header of the block as a file has it: event "OrderPaid".
func (s Step) String() string {
	header := s.Kind
	for _, label := range s.Labels {
		header += fmt.Sprintf(" %q", label)
	}
	return header
}

// Kinds maps the first label of a source or sink block, and the type of a block that is a step, to a function that returns a new
// pointer to a settings struct with hcl tags.
//
// A field's type may be string, bool, int, int64, float64, []string, map[string]string, Duration, Size, Texts, Secret, or a
// pointer to one of these, which stays nil when the attribute is not given; *Expression and Credential; or, for nested blocks, a
// struct, a pointer to one, or a slice of either. The tags are gohcl's: `hcl:"name"` for an attribute that must be given,
// `hcl:"name,optional"`, `hcl:"name,label"`, `hcl:"name,block"`; a field `Range hcl.Range` tagged `hcl:",range"` gets the
// place of the block's header. A field whose attribute is missing or null keeps the value that the function returned, the default.
// Unlike with gohcl a nested struct is optional. Fields of embedded structs count as the struct's own. Load panics on any other tag
// or type. Settings may implement Checker, those of a sink StepUser, and those of a source
// PipelineUser.
//
// Any block takes enabled, and a source or sink connection; a struct has no field for them.
type Kinds struct {
	Sources map[string]func() any
	Sinks   map[string]func() any
	Steps   map[string]StepKind
}

// StepKind is a type of block that transforms changes, and the blocks that it belongs in. Load keeps the order of such blocks across
// their types. Steps of one kind in one block have different labels, if they have any. Load panics when a step has the name of an
// attribute or a block of the pipeline or sink that it belongs in.
type StepKind struct {
	Settings func() any
	Pipeline bool     // it belongs in a pipeline block
	Sinks    []string // the types of sinks that it belongs in
}

// Checker is implemented by settings, or by a struct nested in them, that check more than types can express. It is called after all
// attributes are decoded, innermost struct first, and contacts no server. A field whose text could not be decoded, or is unknown
// because the check is offline, has its default: see Positions.Known.
type Checker interface {
	CheckSettings(at Positions) hcl.Diagnostics
}

// StepUser is implemented by settings of a sink that depend on the steps whose events the sink gets. It is called once, after
// CheckSettings, with the steps of the pipeline and then those of the sink, and contacts no server. A diagnostic without a place gets
// that of the sink's block.
type StepUser interface {
	UseSteps(steps []Step) hcl.Diagnostics
}

// SinkComparer is implemented by settings of a sink that may not be used next to those of another sink, such as one that writes what they
// write. It is called for each pair of sinks, with the sink that comes first in the files. A diagnostic without a place gets that of the
// later sink's block.
type SinkComparer interface {
	CompareSink(other any, samePipeline bool) hcl.Diagnostics
}

// PipelineUser is implemented by settings of a source that depend on what the sinks get. It is called once, after CheckSettings, with the
// complete pipeline, and contacts no server. A diagnostic without a place gets that of the source's block.
type PipelineUser interface {
	UsePipeline(p Pipeline) hcl.Diagnostics
}

// Positions are the places of the attributes of the block that a Checker checks. The zero value knows every attribute and no place,
// which is enough for a test of a Checker.
type Positions struct {
	header  hcl.Range
	given   map[string]hcl.Range
	unknown map[string]bool
}

// At returns the place of an attribute or of the first nested block of that name, which may be in a connection block; the block's
// own header when there is none.
func (p Positions) At(name string) hcl.Range {
	if r, ok := p.given[name]; ok {
		return r
	}
	return p.header
}

// Given reports whether the file has the attribute or nested block.
func (p Positions) Given(name string) bool {
	_, ok := p.given[name]
	return ok
}

// Known reports whether the value of an attribute is known. It is not when the file has the attribute and its field still has the
// default: in an offline check without the environment and the secrets, or for a value that was already reported. A diagnostic
// placed at such an attribute is dropped, so only checks that report elsewhere, or compare two attributes, have to call Known.
func (p Positions) Known(name string) bool { return !p.unknown[name] }

// Duration is a time such as "30s", in nanoseconds as time.Duration; Never when the file says "never".
type Duration time.Duration

// Size is a number of bytes such as "64MiB".
type Size int64

// Texts is a list of texts that a file may write as a text when it has one element: table = "public.orders".
type Texts []string

// Secret is a text that never appears in a diagnostic, a log line or the API: printing or marshalling it gives
// "(secret)".
type Secret string

// Credential reads a secret again, each time it is called: a secret file may have been replaced since the start. Any
// goroutine may call it. It is nil when the attribute is not given, or not known because the check is offline; a file that
// has become unreadable is an error without the file's text.
type Credential func() (Secret, error)
