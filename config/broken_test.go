package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
)

// expectation is an ERROR comment in a broken file: `/* ERROR "regexp" */` right before the token that is wrong, or
// `# ERROR "regexp"` at the end of its line, where a comment before the token would change what is tested. Several
// regexps are several problems at the same place.
type expectation struct {
	line, column int // column 0: anywhere on the line
	rx           *regexp.Regexp
}

var (
	comment = regexp.MustCompile(`/\* ERROR((?: "(?:[^"\\]|\\.)*")+) \*/\s?|# ERROR((?: "(?:[^"\\]|\\.)*")+)$`)
	quoted  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
)

func expectations(t *testing.T, text string) []expectation {
	t.Helper()
	var all []expectation
	for i, line := range strings.Split(text, "\n") {
		for _, m := range comment.FindAllStringSubmatchIndex(line, -1) {
			e, list := expectation{line: i + 1}, ""
			if m[2] >= 0 {
				e.column, list = m[1]+1, line[m[2]:m[3]]
			} else {
				list = line[m[4]:m[5]]
			}
			for _, q := range quoted.FindAllString(list, -1) {
				text, err := strconv.Unquote(q)
				if err != nil {
					t.Fatalf("line %d: %s: %v", i+1, q, err)
				}
				e.rx = regexp.MustCompile(text)
				all = append(all, e)
			}
		}
	}
	return all
}

// TestBroken loads every file of testdata/broken and expects exactly the problems that are marked in it.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.hcl")
	if err != nil || len(files) < 45 {
		t.Fatalf("%d broken files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			wanted := expectations(t, string(text))
			if len(wanted) == 0 {
				t.Fatal("no ERROR comment")
			}
			_, report := config.Load([]string{file}, kinds(), options())
			compare(t, wanted, report)
			searchCanaries(t, report)
		})
	}
}

func compare(t *testing.T, wanted []expectation, report *config.Report) {
	t.Helper()
	for _, d := range report.Diagnostics {
		text, found := d.Summary+": "+d.Detail, false
		for i, w := range wanted {
			at := d.Subject.Start
			if w.line == at.Line && (w.column == 0 || w.column == at.Column) && w.rx.MatchString(text) {
				wanted = append(wanted[:i], wanted[i+1:]...)
				found = true
				break
			}
		}
		if !found {
			t.Errorf("not expected at %d:%d: %s", d.Subject.Start.Line, d.Subject.Start.Column, text)
		}
	}
	for _, w := range wanted {
		t.Errorf("not reported at %d:%d: %s", w.line, w.column, w.rx)
	}
}

// searchCanaries searches everything that can be printed of a report for every secret.
func searchCanaries(t testing.TB, report *config.Report) {
	t.Helper()
	var colored strings.Builder
	if err := report.Write(&colored, true); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{report.String(), colored.String(), fmt.Sprintf("%v", report.Diagnostics)} {
		for _, c := range []string{"CANARY", "canary-host", "p@ss", "p%40ss"} {
			if strings.Contains(out, c) {
				t.Errorf("%q is in the report:\n%s", c, out)
			}
		}
	}
}

// searchFuzzCanaries is searchCanaries where the file's own text may hold anything.
func searchFuzzCanaries(t *testing.T, text string, report *config.Report) {
	t.Helper()
	for _, c := range []string{"hunter2-CANARY", "hunter3-CANARY", "twelve-CANARY", "db.canary-host.test"} {
		if !strings.Contains(text, c) && strings.Contains(report.String(), c) {
			t.Errorf("%q is in the report:\n%s", c, report)
		}
	}
}
