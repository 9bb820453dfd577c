package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
	"github.com/tailrace/tailrace/internal/eventtest"
	"github.com/tailrace/tailrace/internal/eventtest/preview"
)

// shapes are pipeline files with the shapes of their tables.
type shapes struct {
	app      *app
	file     *config.File
	report   *config.Report
	offline  bool
	tests    []*eventtest.File          // offline
	recorded map[string]*eventtest.File // offline: the recorded schemas, by the names of the pipeline files
}

// loadShapes reads the pipeline files and, offline, the test files and the recorded schemas next to them.
func loadShapes(a *app, paths []string, offline bool) (*shapes, error) {
	s := &shapes{app: a, offline: offline}
	if !offline {
		var err error
		s.file, s.report, err = load(a, paths, false)
		return s, err
	}
	if len(paths) == 0 {
		return nil, errNoPath
	}
	pipelines, tests := config.SplitTests(paths)
	a.fix.Paths = pipelines
	env := os.LookupEnv
	for _, name := range tests {
		t := readTest(name)
		if t.Report.HasErrors() {
			printAll(a, t.Report)
			return nil, exit(usage)
		}
		s.tests, env = append(s.tests, t), t.Lookup(env)
	}
	s.file, s.report = config.Load(pipelines, kinds().Config(), config.Options{Offline: true, Env: env})
	if s.file != nil {
		s.recorded = recordedSchemas(s.file)
		checkSchemas(s.file, s.report)
	}
	if s.report.HasErrors() {
		printAll(a, s.report)
		return nil, exit(usage)
	}
	if len(s.tests)+len(s.recorded) == 0 {
		return nil, usageError("no tables: -offline takes those of orders.test.hcl and orders.schema.hcl next to orders.hcl; " +
			"`tailrace schema -record` writes the latter")
	}
	return s, nil
}

// readTest reads a test file, with the recorded schema next to it.
func readTest(name string) *eventtest.File {
	if recorded := readSchema(name); recorded != nil {
		return eventtest.Read(name, recorded)
	}
	return eventtest.Read(name)
}

// tables returns the shapes of the tables of a pipeline.
func (s *shapes) tables(ctx context.Context, p config.Pipeline) (all []*capture.Table, err error) {
	if s.offline {
		return s.offlineTables(p), nil
	}
	ctx, cancel := context.WithTimeout(ctx, liveTime)
	defer cancel()
	source, can := p.Source.Settings.(daemon.TableLister)
	if !can {
		return nil, usageError(fmt.Sprintf("source %q of pipeline %q cannot list its tables; use -offline", p.Source.Kind, p.Name))
	}
	all, err = source.Tables(ctx, p.Name)
	if err != nil {
		s.app.fix.Pipeline = p.Name
		return nil, fmt.Errorf("read the tables of pipeline %s: %w", p.Name, err)
	}
	return all, nil
}

// offlineTables returns the tables that test files declare, and those that are recorded for the file of a pipeline.
func (s *shapes) offlineTables(p config.Pipeline) (all []*capture.Table) {
	files := s.tests
	if recorded := s.recorded[p.Range.Filename]; recorded != nil {
		files = append(slices.Clip(files), recorded)
	}
	seen := map[string]bool{}
	for _, f := range files {
		for _, t := range f.Tables {
			if !seen[t.String()] {
				seen[t.String()] = true
				all = append(all, t)
			}
		}
	}
	return all
}

// check prints what of the rules does not fit the tables. Problems of rules over other tables than those of a test file are left out.
func (s *shapes) check(p config.Pipeline, tables []*capture.Table) error {
	diags := preview.Unknown(p)
	if !diags.HasErrors() {
		diags = preview.Check(p, tables, s.offline)
	}
	s.report.Add(diags...)
	if !diags.HasErrors() {
		return nil
	}
	printAll(s.app, s.report)
	return exit(usage)
}
