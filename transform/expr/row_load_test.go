package expr_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// NewRow gives nothing for what is not known because the check is offline.
func TestRowWithoutTable(t *testing.T) {
	if r, diags := expr.NewRow(nil, expr.Names{}); r != nil || diags != nil {
		t.Errorf("nil: %v, %v", r, diags)
	}
	rule, report := loadRule(t, "", `row.status == env("UNSET") && row.x > 1`, config.Options{Offline: true})
	if report.HasErrors() {
		t.Fatal(report)
	}
	if r, diags := expr.NewRow(rule, expr.Names{}); r != nil || diags != nil {
		t.Errorf("an attribute that is not known offline: %v, %v", r, diags)
	}
	_, report = loadRule(t, "", `ro.status == env("UNSET")`, config.Options{Offline: true})
	if !strings.Contains(report.String(), `Did you mean "row"?`) {
		t.Errorf("a wrong name in an offline check:\n%s", report)
	}
}

// What is known when the files are read is constant: locals, env() and functions that rows do not have.
func TestConstantsOfFiles(t *testing.T) {
	for when, want := range map[string]string{
		`{ a = local.paid, b = upper(env("REGION")), c = range(3), d = local.map["k"] + 1 }`: `{"a":["paid"],"b":"EU","c":[0,1,2],"d":2}`,
		`hmac(row.status, local.key)`:                  ``, // see below
		`contains(local.paid, row.status)`:             `true`,
		`[for s in local.paid : s == row.status]`:      `[true]`,
		`local.map.k == 1 && row.qty > local.map["k"]`: `true`,
	} {
		rule, report := loadRule(t, "paid = [\"paid\"]\nkey = file(\"/s\")\nmap = { k = 1 }", when, config.Options{})
		if report.HasErrors() {
			t.Fatal(report)
		}
		r, diags := expr.NewRow(rule, expr.Names{})
		if diags.HasErrors() {
			t.Errorf("%s: %v", when, diags)
			continue
		}
		s := shapeOf(capture.Insert)
		v, diags := r.Value(s)
		if diags.HasErrors() {
			t.Errorf("%s: %v", when, diags)
			continue
		}
		out, err := v.AppendJSON(nil, change(capture.Insert, s.Table, nil, values()))
		if strings.HasPrefix(when, "hmac") {
			if len(out) != 66 || err != nil || strings.Contains(string(out), "hunter2") {
				t.Errorf("%s: %s, %v", when, out, err)
			}
			continue
		}
		if string(out) != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", when, out, err, want)
		}
	}
}

// rule is a sink of the tests with an expression over rows.
type rule struct {
	When *config.Expression `hcl:"when"`
}

func (r *rule) CheckSettings(config.Positions) hcl.Diagnostics {
	_, diags := expr.NewRow(r.When, expr.Names{})
	return diags
}

func loadRule(t *testing.T, locals, when string, o config.Options) (*config.Expression, *config.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.hcl")
	source := "locals {\n" + locals + "\n}\npipeline \"p\" {\n  source \"none\" {}\n  sink \"rule\" \"s\" {\nwhen = " + when + "\n  }\n}\n"
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Env = func(name string) (string, bool) { return "eu", name == "REGION" }
	o.ReadFile = func(string) ([]byte, error) { return []byte("hunter2-CANARY\n"), nil }
	f, report := config.Load([]string{path}, config.Kinds{
		Sources: map[string]func() any{"none": func() any { return &struct{}{} }},
		Sinks:   map[string]func() any{"rule": func() any { return &rule{} }},
	}, o)
	if f == nil {
		return nil, report
	}
	return f.Pipelines[0].Sinks[0].Settings.(*rule).When, report
}
