package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest"
	"github.com/tailrace/tailrace/internal/explain"
)

// recordings are the tables that the rules of pipelines use, by the names of the pipeline files.
type recordings struct {
	files  []string // in the order of the pipelines
	tables map[string][]*capture.Table
}

// record writes a recorded schema next to each pipeline file.
func (s *shapes) record(ctx context.Context) error {
	all := recordings{tables: map[string][]*capture.Table{}}
	for _, p := range s.file.Pipelines {
		tables, err := s.tables(ctx, p)
		if err != nil {
			return err
		}
		if err := all.add(p, explain.Used(p, tables)); err != nil {
			return err
		}
	}
	for _, file := range all.files {
		if err := writeSchema(s.app, config.SchemaOf(file), all.tables[file]); err != nil {
			return err
		}
	}
	return nil
}

// add adds the tables of a pipeline. A file has one recorded schema, so that its pipelines have the same shape of a table.
func (r *recordings) add(p config.Pipeline, tables []*capture.Table) error {
	file := p.Range.Filename
	if _, known := r.tables[file]; !known {
		r.files, r.tables[file] = append(r.files, file), nil
	}
	for _, t := range tables {
		twice := false
		for _, other := range r.tables[file] {
			if other.String() != t.String() {
				continue
			}
			if twice = true; !bytes.Equal(eventtest.SchemaText([]*capture.Table{t}), eventtest.SchemaText([]*capture.Table{other})) {
				return usageError(fmt.Sprintf("table %s has another shape in pipeline %s than in a pipeline before it in %s: "+
					"put pipelines with different databases into files of their own", t, p.Name, file))
			}
		}
		if !twice {
			r.tables[file] = append(r.tables[file], t)
		}
	}
	return nil
}

// writeSchema writes a recorded schema, if it is not what the file has already.
func writeSchema(a *app, name string, tables []*capture.Table) error {
	if len(tables) == 0 {
		fmt.Fprintf(a.out, "%s: there is no table to record\n", name)
		return nil
	}
	text := append([]byte("# Written by tailrace schema -record.\n\n"), eventtest.SchemaText(tables)...)
	old, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = os.WriteFile(name, text, 0o644)
	case err == nil && bytes.Equal(old, text):
		fmt.Fprintf(a.out, "%s: %s, unchanged\n", name, count(len(tables), "table"))
		return nil
	case err == nil:
		err = replace(name, text)
	}
	if err != nil {
		return fmt.Errorf("record the schema: %w", err)
	}
	fmt.Fprintf(a.out, "%s: %s\n", name, count(len(tables), "table"))
	return nil
}

// readSchema reads the recorded schema next to a pipeline file or a test file; nil: there is none.
func readSchema(file string) *eventtest.File {
	if name := config.SchemaOf(file); config.IsFile(name) {
		return eventtest.ReadSchema(name)
	}
	return nil
}

// recordedSchemas reads the recorded schemas next to the files of pipelines, by the names of those files.
func recordedSchemas(f *config.File) map[string]*eventtest.File {
	all := map[string]*eventtest.File{}
	for _, p := range f.Pipelines {
		if file := p.Range.Filename; all[file] == nil {
			if recorded := readSchema(file); recorded != nil {
				all[file] = recorded
			}
		}
	}
	return all
}

// checkSchemas adds the problems of recorded schemas to the report.
func checkSchemas(f *config.File, report *config.Report) {
	for _, recorded := range recordedSchemas(f) {
		report.Include(recorded.Report)
	}
}

// checkDrift adds a warning for each difference between a recorded schema and the tables of the live source.
func (s *shapes) checkDrift(ctx context.Context) error {
	recorded := recordedSchemas(s.file)
	live := map[string][]*capture.Table{} // of all pipelines of a file
	for _, p := range s.file.Pipelines {
		file := p.Range.Filename
		if recorded[file] == nil {
			continue
		}
		tables, err := s.tables(ctx, p)
		if err != nil {
			return err
		}
		live[file] = append(live[file], tables...)
	}
	for file, tables := range live {
		s.report.Add(recorded[file].Drift(tables, "tailrace schema -record "+strings.Join(s.app.fix.Paths, " "))...)
	}
	return nil
}
