package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
)

var update = flag.Bool("update", false, "write the golden files")

// TestWrite compares what a user reads with files of testdata/golden.
func TestWrite(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		color bool
	}{
		"many":         {files: []string{"many-at-once.hcl", "attribute-misspelt.hcl", "type-duration.hcl"}},
		"color":        {files: []string{"attribute-twice.hcl"}, color: true},
		"secrets":      {files: []string{"secret-as-text.hcl", "secret-in-url.hcl", "secret-in-single-quotes.hcl"}},
		"syntax_hints": {files: []string{"trap-and-or.hcl", "brace-missing-inside.hcl"}},
	} {
		t.Run(name, func(t *testing.T) {
			var paths []string
			for _, f := range c.files {
				paths = append(paths, filepath.Join("testdata/broken", f))
			}
			_, report := config.Load(append(paths, "testdata/none.hcl"), kinds(), options())
			var got strings.Builder
			if err := report.Write(&got, c.color); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata/golden", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestExcerpt underlines the token whatever the line holds.
func TestExcerpt(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct{ line, want string }{
		"tabs":       {"\t\turl\t=\tlocal.x", "     3 |         url    =    local.x\n       |                     ^^^^^^^\n"},
		"wide":       {`url = "日本é" == local.x`, "     3 | url = \"日本é\" == local.x\n       |                ^^^^^^^\n"},
		"control":    {"/*\x1b[31m*/ url = local.x", "     3 | /*\ufffd[31m*/ url = local.x\n       |                 ^^^^^^^\n"},
		"carriage":   {"url = local.x\r", "     3 | url = local.x\n       |       ^^^^^^^\n"},
		"long":       {`/*` + long + `*/ url = local.x`, "     3 | …" + long[:70] + "*/ url = local.x\n       | " + strings.Repeat(" ", 80) + "^^^^^^^\n"},
		"long after": {`url = local.x /*` + long + `*/`, "     3 | url = local.x /*" + long[:144] + "…\n       |       ^^^^^^^\n"},
		"redacted":   {`url = "postgres://u:pw@h" == local.x ? "a" : "b"`, "     3 | url = \"postgres://u:(secret)@h\" == local.x ? \"a\" : \"b\"\n       |                                    ^^^^^^^\n"},
		"place":      {`password = file("${local.x}/secret")`, "     3 | password = file(\"${local.x}/secret\")\n       |                    ^^^^^^^\n"},
		"default":    {`password = env("X", "pw", local.x)`, "     3 | password = env(\"X\", \"(secret)\", local.x)\n       |                                 ^^^^^^^\n"},
		"many lines": {"url = upper([\n\"a\"])", "     3 | url = upper([\n       |             ^\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, report := load(t, options(), strings.Replace(minimal, `    url    = "postgres://h/db"`, c.line, 1))
			if got := report.String(); !strings.Contains(got, c.want) {
				t.Errorf("want\n%s\ngot\n%s", c.want, got)
			}
		})
	}
}

// TestAddSorts puts the problems of a live check between those of the files, once each.
func TestAddSorts(t *testing.T) {
	f, report := load(t, options(), minimal)
	source, sink := f.Pipelines[0].Source.Range, f.Pipelines[0].Sinks[0].Range
	warning := &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "a warning", Subject: &sink}
	report.Add(warning)
	if report.HasErrors() {
		t.Error("a warning is an error")
	}
	report.Add(fault(sink, "two", ""), fault(source, "one", ""), fault(source, "one", ""), &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "nowhere"})
	var got []string
	for _, d := range report.Diagnostics {
		got = append(got, d.Summary)
	}
	if diff := cmp.Diff([]string{"nowhere", "one", "a warning", "two"}, got); diff != "" || !report.HasErrors() {
		t.Error(diff)
	}
	if !strings.Contains(report.String(), "a.hcl:6:3: warning: a warning\n     6 |   sink \"stdout\" \"out\" {}\n       |   ^^^^^^^^^^^^^^^^^^^\n") {
		t.Errorf("%s", report)
	}
}
