package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
	"github.com/tailrace/tailrace/internal/explain"
)

func explainVerb() *verb {
	return &verb{
		name:    "explain",
		args:    "-table T [-op OP] [-row JSON] [-old JSON] [-last] [-unchanged COLUMNS] [-pipeline P] [-sink S] [-offline] [-json] PATH...",
		summary: "show what one change becomes, sink by sink, and which rules match",
		text: `The change is made from the values of its row. Without -op it is an update if -row and -old are given, an insert with
-row alone, and a delete with -old alone. -last takes the row with the highest key: inserted, or the old row where -op or
-row ask for one. What the table's replica identity does not carry is left out of the old row.
The table's columns are read from the live source; with -offline, from the test files and the recorded
schemas next to the pipeline files. Nothing
is written.`,
		examples: `  tailrace explain -table public.orders -old '{"id":1,"status":"new"}' -row '{"status":"paid"}' orders.hcl
  tailrace explain -offline -table public.orders -row '{"id":1,"status":"new"}' -json orders.hcl`,
		setup: setupExplain,
	}
}

// explainFlags are the flags of explain.
type explainFlags struct {
	table, op, row, old, unchanged, pipeline, sink string
	last, offline, json                            bool
}

func setupExplain(flags *flag.FlagSet) action {
	var f explainFlags
	flags.StringVar(&f.table, "table", "", "the `TABLE`, as schema.name")
	flags.StringVar(&f.op, "op", "", "`OP` is insert, update, delete, truncate or read")
	flags.StringVar(&f.row, "row", "", "the new row as a `JSON` object; an update needs only what changes")
	flags.StringVar(&f.old, "old", "", "the old row as a `JSON` object")
	flags.BoolVar(&f.last, "last", false, "take the row with the highest key from the live table")
	flags.StringVar(&f.unchanged, "unchanged", "", "`COLUMNS`, with commas, that an update left unchanged and that are stored out of line")
	flags.StringVar(&f.pipeline, "pipeline", "", "the `PIPELINE`; default: all that have the table")
	flags.StringVar(&f.sink, "sink", "", "the `SINK`; default: all")
	flags.BoolVar(&f.offline, "offline", false, "contact no server: the tables are those of the test files and the recorded schemas")
	flags.BoolVar(&f.json, "json", false, "one JSON object per pipeline")
	return func(ctx context.Context, a *app, args []string) error {
		if f.table == "" {
			return usageError("-table is missing")
		}
		if _, _, ok := capture.SplitName(f.table); !ok {
			return usageError(fmt.Sprintf("-table %q is not schema.name", f.table))
		}
		if f.last && (f.offline || f.old != "") {
			return usageError("-last reads the old row from the live table: leave out -offline and -old")
		}
		op, err := f.operation()
		if err != nil {
			return err
		}
		s, err := loadShapes(a, args, f.offline)
		if err != nil {
			return err
		}
		return f.explain(ctx, s, op)
	}
}

// operation returns the operation that the flags describe.
func (f *explainFlags) operation() (capture.Op, error) {
	switch {
	case f.op != "":
		for _, op := range []capture.Op{capture.Insert, capture.Update, capture.Delete, capture.Truncate, capture.Read} {
			if op.String() == f.op {
				return op, f.hasRows(op)
			}
		}
		return 0, usageError(fmt.Sprintf("-op %q is none of insert, update, delete, truncate, read", f.op))
	case f.row != "" && (f.old != "" || f.last):
		return capture.Update, nil
	case f.row != "" || f.last:
		return capture.Insert, nil
	case f.old != "":
		return capture.Delete, nil
	}
	return 0, usageError(`-row is missing: the row as a JSON object, such as -row '{"id":1}', or -last`)
}

// hasRows checks that the operation has the rows that it needs.
func (f *explainFlags) hasRows(op capture.Op) error {
	switch {
	case op == capture.Truncate && f.row+f.old != "":
		return usageError("a truncate has no row")
	case op == capture.Update && f.row == "":
		return usageError("-row is missing: what the update changes")
	case op != capture.Truncate && f.row+f.old == "" && !f.last:
		return usageError("-row is missing")
	}
	return nil
}

// explain prints what the change becomes in each pipeline that has the table.
func (f *explainFlags) explain(ctx context.Context, s *shapes, op capture.Op) error {
	pipelines := s.file.Pipelines
	if f.pipeline != "" {
		p, err := pipelineOf(s.app, s.file, f.pipeline)
		if err != nil {
			return err
		}
		pipelines = []config.Pipeline{p}
	}
	shown := 0
	var known []string
	for _, p := range pipelines {
		if !f.hasSink(p) {
			continue
		}
		tables, err := s.tables(ctx, p)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if known = append(known, t.String()); t.String() != f.table {
				continue
			}
			if shown++; shown > 1 && !f.json {
				fmt.Fprintln(s.app.out)
			}
			if err := f.explainIn(ctx, s, p, tables, t, op); err != nil {
				return err
			}
		}
	}
	switch {
	case shown > 0:
		return nil
	case f.sink != "" && known == nil:
		return usageError(fmt.Sprintf("no pipeline has a sink %q", f.sink))
	}
	return usageError(fmt.Sprintf("no pipeline has the table %q%s", f.table, didYouMean(f.table, known)))
}

func (f *explainFlags) hasSink(p config.Pipeline) bool {
	for _, b := range p.Sinks {
		if f.sink == "" || b.Name == f.sink {
			return true
		}
	}
	return false
}

// explainIn prints what the change becomes in a pipeline.
func (f *explainFlags) explainIn(ctx context.Context, s *shapes, p config.Pipeline, tables []*capture.Table, t *capture.Table, op capture.Op) error {
	if err := s.check(p, tables); err != nil {
		return err
	}
	r := explain.Request{Table: t, Op: op}
	var err error
	if r.Row, err = f.parse("-row", f.row, t); err != nil {
		return err
	}
	if r.Old, err = f.parse("-old", f.old, t); err != nil {
		return err
	}
	if f.last && op != capture.Truncate {
		if r.Old, err = lastRow(ctx, p, t); err != nil {
			return err
		}
	}
	if f.unchanged != "" {
		r.Unchanged = strings.Split(f.unchanged, ",")
	}
	result, err := explain.Explain(p, f.sink, tables, r)
	if err != nil {
		return asUsage("", err)
	}
	if f.json {
		explain.WriteJSON(s.app.out, p.Name, t, op, result)
	} else {
		explain.Write(s.app.out, p.Name, t, op, result)
	}
	return nil
}

func (f *explainFlags) parse(flag, text string, t *capture.Table) (shape.Row, error) {
	if text == "" {
		return nil, nil
	}
	row, err := shape.ParseRow(t, []byte(text))
	return row, asUsage(flag+": ", err)
}

// lastRow reads the row with the highest key.
func lastRow(ctx context.Context, p config.Pipeline, t *capture.Table) (shape.Row, error) {
	source, can := p.Source.Settings.(explain.Source)
	if !can {
		return nil, usageError(fmt.Sprintf("source %q has no rows to read", p.Source.Kind))
	}
	ctx, cancel := context.WithTimeout(ctx, liveTime)
	defer cancel()
	conn, _, err := source.Read(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	row, err := explain.Last(ctx, conn, t)
	return row, asUsage("", err)
}

// asUsage returns an error about a row as one of the arguments.
func asUsage(prefix string, err error) error {
	var p *shape.Problem
	if errors.As(err, &p) {
		return usageError(prefix + p.Summary + "; " + p.Detail)
	}
	return err
}
