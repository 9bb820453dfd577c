package eventtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest"
)

// expected is an ERROR comment in a broken file, as in the files of package config: right before the token that is wrong, or at the
// end of its line.
type expected struct {
	line, column int // column 0: anywhere on the line
	rx           *regexp.Regexp
}

var (
	comment = regexp.MustCompile(`/\* ERROR((?: "(?:[^"\\]|\\.)*")+) \*/\s?|# ERROR((?: "(?:[^"\\]|\\.)*")+) ?$`)
	quoted  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
)

func expectations(t *testing.T, text string) (all []expected) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		for _, m := range comment.FindAllStringSubmatchIndex(line, -1) {
			e, list := expected{line: i + 1}, ""
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

// TestBroken reads every file of testdata/broken and expects exactly the problems that are marked in it.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d broken files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, expectations(t, string(text)), eventtest.Read(file).Report)
		})
	}
}

func compare(t *testing.T, wanted []expected, report *config.Report) {
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
