package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

// liveTables are those that the files of testdata/rules are checked against.
func liveTables() []*capture.Table {
	named := func(name string, identity ...string) *capture.Table {
		columns := []string{"id int4 key", "status text", "total numeric inline", "doc text"}
		for i := range columns {
			if len(identity) > 0 && strings.HasPrefix(columns[i], identity[0]+" ") {
				columns[i] += " identity"
			}
		}
		return rulestest.Table(name, columns...)
	}
	return []*capture.Table{
		named("public.orders"), named("public.orders_status", "status"), rulestest.Full(named("public.orders_full")),
		rulestest.Table("public.customers", "id int4 key", "email text", "country text", "vip bool", "visits int4", "avatar bytea"),
		rulestest.Table("public.order_lines", "id int4 key", "order_id int4", "sku text"),
		rulestest.Table("public.outbox", "id uuid key", "aggregate_type text", "aggregate_id text", "type text", "payload jsonb", "trace text"),
	}
}

// fault is an ERROR comment: right before the token that is wrong, or at the end of its line.
type fault struct {
	line, column int // column 0: anywhere in the line
	text         *regexp.Regexp
}

var faultComment = regexp.MustCompile(`/\* ERROR ("(?:[^"\\]|\\.)*") \*/\s?|# ERROR ("(?:[^"\\]|\\.)*")$`)

func faultsOf(t *testing.T, text string) (all []fault) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		for _, m := range faultComment.FindAllStringSubmatchIndex(line, -1) {
			f, from, to := fault{line: i + 1}, m[4], m[5]
			if m[2] >= 0 {
				f.column, from, to = m[1]+1, m[2], m[3]
			}
			rx, err := strconv.Unquote(line[from:to])
			if err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
			f.text = regexp.MustCompile(rx)
			all = append(all, f)
		}
	}
	return all
}

// TestBrokenRules expects exactly the problems that are marked in each file: those that the file shows or, if it shows none, those
// that live tables show.
func TestBrokenRules(t *testing.T) {
	files, err := filepath.Glob("testdata/rules/*.hcl")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			wanted := faultsOf(t, read(t, file))
			if len(wanted) == 0 {
				t.Fatal("nothing is marked")
			}
			for _, d := range problemsOf(file) {
				text, at := d.Summary+": "+d.Detail, d.Subject.Start
				found := false
				for i, w := range wanted {
					if found = w.line == at.Line && (w.column == 0 || w.column == at.Column) && w.text.MatchString(text); found {
						wanted = append(wanted[:i], wanted[i+1:]...)
						break
					}
				}
				if !found {
					t.Errorf("not expected at %d:%d: %s", at.Line, at.Column, text)
				}
			}
			for _, w := range wanted {
				t.Errorf("not reported at %d:%d: %s", w.line, w.column, w.text)
			}
		})
	}
}

// TestParenthesesInARule has a rule of almost 1 MB of parentheses, which is as much as a file may have.
func TestParenthesesInARule(t *testing.T) {
	const open = 500_000
	text := strings.Replace(read(t, "testdata/rules/event-data-missing.hcl"), `table = "public.orders"`,
		"table = \"public.orders\"\n      when  = "+strings.Repeat("(", open)+`op == "insert"`+strings.Repeat(")", open)+"\n      data  = 1", 1)
	diags := problemsOf(place(t, "rule.hcl", text))
	if len(diags) != 1 || diags[0].Summary != "nested too deep" || diags[0].Subject.Start.Line != 9 {
		t.Errorf("%v", diags)
	}
}

func problemsOf(file string) hcl.Diagnostics {
	f, report := config.Load([]string{file}, kinds().Config(), config.Options{Offline: true})
	if f != nil {
		report.Add(daemon.CheckNames(f)...)
	}
	if report.HasErrors() {
		return report.Diagnostics
	}
	live := &config.Report{}
	for _, s := range slices.Concat(f.Pipelines[0].Steps, f.Pipelines[0].Sinks[0].Steps) {
		if c, can := s.Settings.(daemon.TableChecker); can {
			live.Add(c.CheckTables(liveTables())...)
		}
	}
	return live.Diagnostics
}
