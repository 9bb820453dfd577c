package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
)

// listing is a source that can list its tables.
type listing struct {
	sourceSettings
	names []string
	err   error
	asked int
}

func (l *listing) Tables(context.Context, string) ([]*capture.Table, error) {
	l.asked++
	var all []*capture.Table
	for _, name := range l.names {
		all = append(all, &capture.Table{Schema: "public", Name: name})
	}
	return all, l.err
}

// needs is a step that needs a table, and prefers another one.
type needs struct {
	table, prefers string
	at             hcl.Range
	got            []*capture.Table // of the site
}

func (n *needs) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	n.got = at.Tables
	return transform.SplitKeyChange, nil
}

func (n *needs) CheckTables(tables []*capture.Table) hcl.Diagnostics {
	var diags hcl.Diagnostics
	has := func(name string) bool {
		for _, t := range tables {
			if t.Name == name {
				return true
			}
		}
		return false
	}
	if !has(n.table) {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "no table " + n.table, Detail: "create it", Subject: &n.at})
	}
	if n.prefers != "" && !has(n.prefers) {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "no table " + n.prefers})
	}
	return diags
}

// withSteps is a pipeline with one step for all sinks and one for its first sink.
func withSteps(source any, all, first StepSettings) config.Pipeline {
	p := pipelineOf("orders", &sourceSettings{}, &sinkSettings{})
	p.Source.Settings = source
	p.Steps = []config.Step{{Kind: "needs", Settings: all, Range: hcl.Range{Filename: "all"}}}
	p.Sinks[0].Steps = []config.Step{{Kind: "needs", Settings: first, Range: hcl.Range{Filename: "first"}}}
	return p
}

func TestCheckOfSteps(t *testing.T) {
	wrong := &capture.Problem{State: "wal_level", Usage: true, Reason: "it is replica"}
	for name, c := range map[string]struct {
		source *listing
		want   []string
	}{
		"all fits":     {&listing{names: []string{"a", "b", "c"}}, nil},
		"a warning":    {&listing{names: []string{"a", "b"}}, []string{"first: no table c (warning)"}},
		"a table away": {&listing{names: []string{"a", "c"}}, []string{"b.hcl: no table b"}},
		"both away":    {&listing{names: []string{"c"}}, []string{"a.hcl: no table a", "b.hcl: no table b"}},
		"not listed":   {&listing{err: errors.New("refused")}, []string{"list the tables: refused"}},
		"no source":    {&listing{sourceSettings: sourceSettings{settings{problems: []error{wrong}}}}, []string{"wal_level: it is replica"}},
	} {
		p := withSteps(c.source, &needs{table: "a", at: hcl.Range{Filename: "a.hcl"}}, &needs{table: "b", prefers: "c", at: hcl.Range{Filename: "b.hcl"}})
		var got []string
		for _, f := range Check(context.Background(), &config.File{Pipelines: []config.Pipeline{p}}) {
			text := map[bool]string{true: " (warning)"}[f.IsWarning()]
			if f.Diagnostic != nil {
				text = f.Diagnostic.Subject.Filename + ": " + f.Diagnostic.Summary + text
				if !f.Usage() {
					t.Errorf("%s: %s is not for the user", name, text)
				}
			} else {
				text = f.Err.Error() + text
			}
			got = append(got, text)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	plain := &listing{}
	p := pipelineOf("orders", &sourceSettings{}, &sinkSettings{})
	p.Source.Settings = plain
	if found := Check(context.Background(), &config.File{Pipelines: []config.Pipeline{p}}); len(found) > 0 || plain.asked > 0 {
		t.Errorf("without steps: %v, asked %d times", found, plain.asked)
	}
}

func TestTablesAtTheStart(t *testing.T) {
	first := &needs{table: "b", prefers: "c", at: hcl.Range{Filename: "b.hcl", Start: hcl.Pos{Line: 4, Column: 7}}}
	build := func(source *listing) error {
		p := withSteps(source, &needs{table: "a", at: hcl.Range{Filename: "a.hcl"}}, first)
		tables, err := startTables(context.Background(), p, zap.NewNop())
		if err == nil {
			_, err = buildSink(p, p.Sinks[0], tables, zap.NewNop())
		}
		return err
	}
	if err := build(&listing{names: []string{"a", "b"}}); err != nil || len(first.got) != 2 {
		t.Errorf("%v, the step has got %d tables", err, len(first.got))
	}
	p := capture.AsProblem(build(&listing{names: []string{"a"}}))
	if p == nil || p.State != "rule_does_not_fit" || !p.Halted || p.Reason != "b.hcl:4:7: no table b" || p.Fix != "create it" {
		t.Errorf("%+v", p)
	}
	p = capture.AsProblem(build(&listing{}))
	if p == nil || !strings.HasSuffix(p.Reason, "(and 1 more)") || !strings.Contains(p.Fix, "tailrace check FILE") {
		t.Errorf("%+v", p)
	}
	if err := build(&listing{err: errors.New("refused")}); err != nil {
		t.Errorf("the source reports by itself that it cannot be read: %v", err)
	}
}

// deletes is a step that deletes the rows of a table, and masks is one that masks a column of every table.
type (
	deletes struct{ table string }
	masks   struct{ column string }
)

func (deletes) Step(transform.Site, *zap.Logger) (transform.Func, error) {
	return transform.SplitKeyChange, nil
}
func (deletes) Deletes() bool                      { return true }
func (d deletes) DeletesFrom(_, table string) bool { return table == d.table }

func (masks) Step(transform.Site, *zap.Logger) (transform.Func, error) {
	return transform.SplitKeyChange, nil
}
func (m masks) MaskedColumns(*capture.Table) []string { return []string{m.column} }

// A row is deleted by its key: by a masked one, other rows would be.
func TestRowsAreNotDeletedByAMaskedKey(t *testing.T) {
	box := &capture.Table{Schema: "public", Name: "box", Key: []int{0}, Columns: []capture.Column{{Name: "id", Key: true}, {Name: "payload"}}}
	for column, want := range map[string]string{
		"id":      "needs cannot delete rows of public.box: the mask at all:0 changes id of their key",
		"payload": "", "other": "",
	} {
		p := withSteps(&listing{}, masks{column}, deletes{"box"})
		diags := CheckSteps(p, []*capture.Table{box, {Schema: "public", Name: "another", Key: []int{0}, Columns: box.Columns}})
		switch {
		case want == "" && len(diags) > 0:
			t.Errorf("%s: %v", column, diags)
		case want != "" && (len(diags) != 1 || diags[0].Summary != want || diags[0].Subject.Filename != "first"):
			t.Errorf("%s: %v", column, diags)
		}
	}
}
