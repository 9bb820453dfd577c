package daemon

import (
	"context"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
)

// reducing is a source that leaves out rows, and columns unless it knows their masks.
type reducing struct {
	sourceSettings
	masked func(schema, table string) []string
	finds  hcl.Diagnostics
}

func (r *reducing) SetMasked(masked func(schema, table string) []string) { r.masked = masked }

func (r *reducing) CheckRows(context.Context, string) (hcl.Diagnostics, error) { return r.finds, nil }

// masksOf masks a column of one table.
type masksOf struct {
	StepSettings
	table, column string
}

func (m masksOf) MaskedColumns(t *capture.Table) []string {
	if t.Name != m.table {
		return nil
	}
	return []string{m.column}
}

func TestASourceKnowsTheMasks(t *testing.T) {
	source, plain := &reducing{}, &reducing{}
	p := withSteps(source, masksOf{table: "users", column: "email"}, masksOf{table: "users", column: "phone"})
	ShareMasks(&config.File{Pipelines: []config.Pipeline{p, withSteps(plain, &needs{}, &needs{})}})
	if got := source.masked("public", "users"); !slices.Equal(got, []string{"email", "phone"}) {
		t.Errorf("masked columns %q", got)
	}
	if got := source.masked("public", "orders"); len(got) > 0 {
		t.Errorf("a table without masks has %q", got)
	}
	if plain.masked != nil {
		t.Error("a pipeline without masks has some")
	}
}

// What a source finds in its own conditions is in the report, and prevents the start.
func TestConditionsOfTheSourceAreChecked(t *testing.T) {
	at := hcl.Range{Filename: "orders.hcl", Start: hcl.Pos{Line: 5, Column: 9}}
	source := &reducing{finds: hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "row.n is not known", Detail: "use FULL", Subject: &at}}}
	p := pipelineOf("orders", &sourceSettings{}, &sinkSettings{})
	p.Source.Settings = source
	found := Check(t.Context(), &config.File{Pipelines: []config.Pipeline{p}})
	if len(found) != 1 || found[0].Diagnostic == nil || found[0].Range != at || !found[0].Usage() {
		t.Errorf("found %+v", found)
	}
	_, err := startTables(t.Context(), p, zap.NewNop())
	if got := capture.AsProblem(err); got == nil || got.State != "rule_does_not_fit" || got.Reason != "orders.hcl:5:9: row.n is not known" {
		t.Errorf("the start gives %v", err)
	}
}
