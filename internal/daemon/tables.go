package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
)

// listTime limits how long a pipeline's start waits for the shapes of its tables.
const listTime = 30 * time.Second

// tableCheckers returns the steps of a pipeline and its sinks that can be checked against tables.
func tableCheckers(p config.Pipeline) []config.Step {
	var checkers []config.Step
	for _, s := range allSteps(p) {
		if _, can := s.Settings.(TableChecker); can {
			checkers = append(checkers, s)
		}
	}
	return checkers
}

// CheckNames checks the tables that steps name against those that the files select. It contacts no server.
func CheckNames(f *config.File) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, p := range f.Pipelines {
		source, can := p.Source.Settings.(TableSelector)
		if !can {
			continue
		}
		selects := func(schema, table string) bool {
			selects, known := source.Selects(schema, table)
			return selects || !known
		}
		for _, s := range allSteps(p) {
			if n, can := s.Settings.(TableNamer); can {
				diags = append(diags, n.CheckNames(selects)...)
			}
		}
	}
	return diags
}

// ShareMasks tells the sources of all pipelines which columns the masks of the files name.
func ShareMasks(f *config.File) {
	for _, p := range f.Pipelines {
		source, can := p.Source.Settings.(MaskAware)
		if !can {
			continue
		}
		var masks []ColumnMasker
		for _, s := range allSteps(p) {
			if m, is := s.Settings.(ColumnMasker); is {
				masks = append(masks, m)
			}
		}
		if len(masks) > 0 {
			source.SetMasked(func(schema, table string) (columns []string) {
				for _, m := range masks {
					columns = append(columns, m.MaskedColumns(&capture.Table{Schema: schema, Name: table})...)
				}
				return columns
			})
		}
	}
}

// allSteps returns the steps of a pipeline and of its sinks.
func allSteps(p config.Pipeline) []config.Step {
	all := slices.Clone(p.Steps)
	for _, s := range p.Sinks {
		all = append(all, s.Steps...)
	}
	return all
}

// checkTables checks the source's conditions over rows, and the steps of a pipeline, against the tables of its live source. listed are these tables; nil when no step needs
// them, or the source cannot list them.
func checkTables(ctx context.Context, p config.Pipeline) (listed []*capture.Table, diags hcl.Diagnostics, err error) {
	if rows, can := p.Source.Settings.(RowChecker); can {
		if diags, err = rows.CheckRows(ctx, p.Name); err != nil {
			return nil, nil, fmt.Errorf("check the conditions over rows: %w", err)
		}
	}
	source, can := p.Source.Settings.(TableLister)
	if len(tableCheckers(p)) == 0 || !can {
		return nil, diags, nil
	}
	if listed, err = source.Tables(ctx, p.Name); err != nil {
		return nil, nil, fmt.Errorf("list the tables: %w", err)
	}
	return listed, append(diags, CheckSteps(p, listed)...), nil
}

// CheckSteps reports what of the steps of a pipeline and its sinks does not fit tables.
func CheckSteps(p config.Pipeline, tables []*capture.Table) (diags hcl.Diagnostics) {
	for _, s := range tableCheckers(p) {
		for _, d := range s.Settings.(TableChecker).CheckTables(tables) {
			if d.Subject == nil {
				d.Subject = &s.Range
			}
			diags = append(diags, d)
		}
	}
	return append(diags, maskedKeys(p, tables)...)
}

// maskedKeys reports each step that deletes rows of a table by a key which another step masks: it would delete other rows, or none.
func maskedKeys(p config.Pipeline, tables []*capture.Table) (diags hcl.Diagnostics) {
	for _, sink := range p.Sinks {
		steps := slices.Concat(p.Steps, sink.Steps)
		for i := range steps {
			d, can := steps[i].Settings.(Deleter)
			if !can || !d.Deletes() {
				continue
			}
			for _, t := range tables {
				if d.DeletesFrom(t.Schema, t.Name) {
					diags = append(diags, maskedKey(&steps[i], t, steps)...)
				}
			}
		}
	}
	return diags
}

// maskedKey reports the steps that mask the key of a table whose rows a step deletes.
func maskedKey(deletes *config.Step, t *capture.Table, steps []config.Step) (diags hcl.Diagnostics) {
	for _, s := range steps {
		m, can := s.Settings.(ColumnMasker)
		if !can {
			continue
		}
		for _, name := range m.MaskedColumns(t) {
			if i := t.Column(name); i >= 0 && slices.Contains(t.Key, i) {
				diags = append(diags, &hcl.Diagnostic{
					Severity: hcl.DiagError, Subject: &deletes.Range,
					Summary: fmt.Sprintf("%s cannot delete rows of %s: the mask at %s:%d changes %s of their key",
						deletes, t, s.Range.Filename, s.Range.Start.Line, name),
					Detail: "Leave the key out of the mask, or the application deletes the rows: cleanup = \"none\".",
				})
			}
		}
	}
	return diags
}

// startTables returns the tables for the steps of a pipeline that is about to start. Steps that do not fit the tables are a problem:
// they would halt the pipeline at the first row. A source that cannot be read now is none: the pipeline itself reports that.
func startTables(ctx context.Context, p config.Pipeline, log *zap.Logger) ([]*capture.Table, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	listed, diags, err := checkTables(ctx, p)
	if err != nil {
		log.Debug("the steps are checked when their tables are first seen", zap.Error(err))
		return nil, nil
	}
	return listed, doesNotFit(diags)
}

// doesNotFit returns the problem of steps that do not fit the tables of the source; nil when all do.
func doesNotFit(diags hcl.Diagnostics) error {
	errs := slices.DeleteFunc(slices.Clone(diags), func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError })
	if len(errs) == 0 {
		return nil
	}
	first, at := errs[0], errs[0].Subject
	p := &capture.Problem{
		State: "rule_does_not_fit", Halted: true, Usage: true, Fix: first.Detail,
		Reason: fmt.Sprintf("%s:%d:%d: %s", at.Filename, at.Start.Line, at.Start.Column, first.Summary),
	}
	if len(errs) > 1 {
		p.Reason += fmt.Sprintf(" (and %d more)", len(errs)-1)
		p.Fix += "\n`tailrace check FILE` shows the others"
	}
	return p
}
