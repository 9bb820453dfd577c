package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheArchitectureNamesWhatIsThere searches every function of the lists of calls in its file, and every file of the
// file map in its folder.
func TestTheArchitectureNamesWhatIsThere(t *testing.T) {
	text := read(t, "../../docs/architecture.md")
	calls := regexp.MustCompile(`(?m)^    ([\w/]+\.go) +([\w.]+)`).FindAllStringSubmatch(text, -1)
	if len(calls) < 50 {
		t.Errorf("the document has %d calls", len(calls))
	}
	for _, c := range calls {
		receiver, name, method := strings.Cut(c[2], ".")
		sought := `(?m)^func \(\w+ \*?` + receiver + `\) ` + name + `\(`
		if !method {
			sought = `(?m)^func ` + receiver + `\(`
		}
		if !regexp.MustCompile(sought).MatchString(read(t, "../../"+c[1])) {
			t.Errorf("%s has no %s", c[1], c[2])
		}
	}
	_, files, _ := strings.Cut(text, "## File map")
	folder := ""
	for _, row := range regexp.MustCompile(`(?m)^\| .*\|$`).FindAllString(files, -1) {
		for i, m := range regexp.MustCompile("`([\\w/.]+(?:/|\\.go))`").FindAllStringSubmatch(row, -1) {
			path := filepath.Join("../..", folder, m[1])
			if i == 0 && strings.HasPrefix(row, "| `") {
				folder, path = m[1], filepath.Join("../..", m[1])
			}
			if strings.HasPrefix(row, "| `cmd/demo/`") && m[1] != "tour/" && i > 0 && m[1] != "main.go" {
				path = filepath.Join("../../cmd/demo/tour", m[1])
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("file map: %v", err)
			}
		}
	}
}

// TestEveryInvariantIsCited searches the number of every invariant in the files that keep it.
func TestEveryInvariantIsCited(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (I\d) \|.*$`).FindAllStringSubmatch(read(t, "../../docs/architecture.md"), -1)
	if len(rows) != 8 {
		t.Errorf("the document has %d invariants", len(rows))
	}
	for _, row := range rows {
		files := regexp.MustCompile(`\(([\w/]+\.go)\)`).FindAllStringSubmatch(row[0], -1)
		if len(files) == 0 {
			t.Errorf("no file keeps %s", row[1])
		}
		for _, f := range files {
			if !regexp.MustCompile(`\b` + row[1] + `\b`).MatchString(read(t, "../../"+f[1])) {
				t.Errorf("%s does not cite %s", f[1], row[1])
			}
		}
	}
}

// TestTheIndexHasEveryDecision compares the index of the decisions with the titles and the status lines of their files.
func TestTheIndexHasEveryDecision(t *testing.T) {
	index := read(t, "../../docs/decisions/README.md")
	files, _ := filepath.Glob("../../docs/decisions/0*.md")
	if rows := strings.Count(index, "](0"); len(files) < 20 || rows < len(files) {
		t.Errorf("%d decisions, %d links in the index", len(files), rows)
	}
	for _, f := range files {
		title, rest, _ := strings.Cut(read(t, f), "\n")
		number, name, _ := strings.Cut(strings.TrimPrefix(title, "# "), ". ")
		row := "| " + number + " | [" + name + "](" + filepath.Base(f) + ") | "
		_, status, found := strings.Cut(index, row)
		if !found {
			t.Errorf("the index lacks %q", row)
			continue
		}
		status, _, _ = strings.Cut(status, "\n")
		for word, status := range map[string]bool{"Superseded by": strings.HasPrefix(status, "superseded by ["), "Amended by": strings.Contains(status, "amended by [")} {
			if says := strings.HasPrefix(strings.TrimSpace(rest), word); says != status {
				t.Errorf("%s: the file begins with %q: %t; the index: %t", f, word, says, status)
			}
		}
	}
}

// TestLinksLeadSomewhere follows the relative links of all documents, and their anchors.
func TestLinksLeadSomewhere(t *testing.T) {
	documents, _ := filepath.Glob("../../*.md")
	for _, pattern := range []string{"../../docs/*.md", "../../docs/decisions/*.md"} {
		more, _ := filepath.Glob(pattern)
		documents = append(documents, more...)
	}
	for _, d := range documents {
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(read(t, d), -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(m[1], "://") {
				continue
			}
			target := d
			if path != "" {
				target = filepath.Join(filepath.Dir(d), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: link %s: %v", d, m[1], err)
			} else if anchor != "" && !anchors(read(t, target))[anchor] {
				t.Errorf("%s: link %s: there is no such heading", d, m[1])
			}
		}
	}
}

// anchors are the headings of a document as links name them.
func anchors(text string) map[string]bool {
	list := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		list[strings.ReplaceAll(name, " ", "-")] = true
	}
	return list
}
