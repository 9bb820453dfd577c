package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
)

// Finding is a problem or a warning of a live check.
type Finding struct {
	Pipeline string
	Block    string    // `source "postgres"`, `sink "kafka" "bus"`
	Range    hcl.Range // the block's
	Err      error     // a *capture.Problem where it has a name, a *capture.Warning where it does not prevent the start
	// Diagnostic is what a step finds in the tables, with its own place; Err is nil then.
	Diagnostic *hcl.Diagnostic
}

// Warning returns the warning; nil for a problem.
func (f Finding) Warning() *capture.Warning {
	var w *capture.Warning
	if errors.As(f.Err, &w) {
		return w
	}
	return nil
}

// IsWarning reports whether the finding does not prevent the start.
func (f Finding) IsWarning() bool {
	if f.Diagnostic != nil {
		return f.Diagnostic.Severity == hcl.DiagWarning
	}
	return f.Warning() != nil
}

// Usage reports whether the user has to change something, in the file or in the servers. Otherwise a server could not be reached.
func (f Finding) Usage() bool {
	if f.Diagnostic != nil {
		return true
	}
	p := capture.AsProblem(f.Err)
	return p != nil && p.Usage
}

// Check checks the servers of all pipelines at the same time and returns every problem in the order of the files. It changes
// nothing.
func Check(ctx context.Context, f *config.File) []Finding {
	checks := make([]*pipelineCheck, len(f.Pipelines))
	var all sync.WaitGroup
	for i, p := range f.Pipelines {
		checks[i] = newPipelineCheck(p)
		all.Go(func() { checks[i].run(ctx) })
	}
	all.Wait()
	var list []Finding
	for _, c := range checks {
		for i, b := range c.blocks {
			for _, err := range c.found[i] {
				list = append(list, Finding{Pipeline: c.pipeline.Name, Block: header(b), Range: b.Range, Err: err})
			}
		}
		for _, d := range c.steps {
			list = append(list, Finding{Pipeline: c.pipeline.Name, Range: *d.Subject, Diagnostic: d})
		}
	}
	return list
}

// pipelineCheck is the check of a pipeline.
type pipelineCheck struct {
	pipeline config.Pipeline
	blocks   []config.Block // the source, then the sinks
	found    [][]error      // of each block
	steps    hcl.Diagnostics
}

func newPipelineCheck(p config.Pipeline) *pipelineCheck {
	blocks := append([]config.Block{p.Source}, p.Sinks...)
	return &pipelineCheck{pipeline: p, blocks: blocks, found: make([][]error, len(blocks))}
}

// run checks every block by itself, the steps when the source has no problem, and the sinks' records when no block has one.
func (c *pipelineCheck) run(ctx context.Context) {
	name := c.pipeline.Name
	var all sync.WaitGroup
	for i, b := range c.blocks {
		all.Go(func() {
			if source, is := b.Settings.(SourceSettings); is && i == 0 {
				c.found[i] = source.Check(ctx, name)
			} else {
				c.found[i] = b.Settings.(SinkSettings).Check(ctx, name, b.Name)
			}
		})
	}
	all.Wait()
	if !hasProblem(c.found[0]) {
		c.checkSteps(ctx)
	}
	if !slices.ContainsFunc(c.found, hasProblem) {
		c.checkRecords(ctx)
	}
}

// hasProblem reports whether any of the errors is more than a warning.
func hasProblem(errs []error) bool {
	return slices.ContainsFunc(errs, func(err error) bool {
		var warning *capture.Warning
		return !errors.As(err, &warning)
	})
}

// checkSteps checks the steps against the tables of the source.
func (c *pipelineCheck) checkSteps(ctx context.Context) {
	_, diags, err := checkTables(ctx, c.pipeline)
	c.steps = diags
	if err != nil {
		c.found[0] = append(c.found[0], err)
	}
}

// checkRecords finds the sinks that would halt because they have no record. A first start may have ended between the read of a
// record and that of the slot, so what is missing is read twice.
func (c *pipelineCheck) checkRecords(ctx context.Context) {
	missing, err := sinksWithoutRecord(ctx, c.pipeline)
	if err == nil && len(missing) > 0 {
		missing, err = sinksWithoutRecord(ctx, c.pipeline)
	}
	if err != nil {
		c.found[0] = append(c.found[0], err)
	}
	for i, b := range c.pipeline.Sinks {
		if err := missing[b.Name]; err != nil {
			c.found[i+1] = append(c.found[i+1], err)
		}
	}
}

// sinksWithoutRecord returns the sinks that by the start rule have no record next to an older slot, and those whose record cannot
// be read.
func sinksWithoutRecord(ctx context.Context, p config.Pipeline) (map[string]error, error) {
	src, err := compareRecords(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	records, err := readRecords(ctx, p, src.Origin)
	if err != nil {
		return nil, err
	}
	defer closeAll(records)
	if src, err = compareRecords(ctx, p, records); err != nil {
		return nil, err
	}
	missing := map[string]error{}
	for _, r := range records {
		if r.err != nil {
			missing[r.known.Name] = r.err
		} else if found := startrule.CheckGap(src, r.known).Problem; found != nil && found.State == startrule.NoRecord {
			missing[r.known.Name] = found
		}
	}
	return missing, nil
}

func header(b config.Block) string {
	if b.Name == "" {
		return fmt.Sprintf("source %q", b.Kind)
	}
	return fmt.Sprintf("sink %q %q", b.Kind, b.Name)
}
