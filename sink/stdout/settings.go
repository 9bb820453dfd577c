package stdout

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/formats"
)

// Settings are the settings of a sink "stdout" block.
type Settings struct {
	// `"number"`: numeric values as JSON numbers, also in events of blocks.
	Numeric string    `hcl:"numeric,optional"`
	Range   hcl.Range `hcl:",range"`
}

// NewSettings returns the settings of an empty block: the defaults.
func NewSettings() *Settings { return &Settings{Numeric: "string"} }

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	switch s.Numeric {
	case "", "string", "number":
		return nil
	}
	where := at.At("numeric")
	return hcl.Diagnostics{{
		Severity: hcl.DiagError,
		Summary:  fmt.Sprintf("numeric = %q is unknown", s.Numeric),
		Detail:   `Write "string", which keeps every digit for every reader, or "number".`,
		Subject:  &where,
	}}
}

// UseSteps implements config.StepUser: it refuses steps that delete rows once a sink acknowledges their events, which a pipe does not.
func (s *Settings) UseSteps(steps []config.Step) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, step := range steps {
		if d, can := step.Settings.(interface{ Deletes() bool }); can && d.Deletes() {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError,
				Summary:  fmt.Sprintf("%s would delete rows that were only printed", step),
				Detail:   `A stdout sink does not know who has read its output. Remove cleanup = "delete".`,
				Subject:  &step.Range,
			})
		}
	}
	return diags
}

// Sink creates the sink for the process's standard output.
//
// The sink writes to a duplicate of the descriptor. Go terminates a process that writes to a broken pipe on descriptor 1, but
// `tailrace run | head` with several pipelines has to halt only one sink, with a named state.
func (s *Settings) Sink(pipeline, _ string, _ *zap.Logger) (sink.Sink, error) {
	fd, err := unix.FcntlInt(os.Stdout.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate the standard output: %w", err)
	}
	out := os.NewFile(uintptr(fd), "standard output")
	made, err := New(out, s.options(pipeline))
	if err != nil {
		return nil, err
	}
	made.close = out.Close
	return made, nil
}

func (s *Settings) options(pipeline string) format.Options {
	return format.Options{Pipeline: pipeline, NumericAsNumber: s.NumericAsNumber()}
}

// NumericAsNumber reports whether numeric values are numbers in JSON.
func (s *Settings) NumericAsNumber() bool { return s.Numeric == "number" }

// Encoder returns the encoder of the sink's lines, for a preview of what the sink writes.
func (s *Settings) Encoder(pipeline string) (format.Encoder, error) {
	return formats.New(format.Line, s.options(pipeline))
}

// Check has nothing to check.
func (s *Settings) Check(context.Context, string, string) []error { return nil }

// Drop has nothing to remove.
func (s *Settings) Drop(context.Context, string, string, capture.Origin, bool) ([]string, error) {
	return nil, nil
}
