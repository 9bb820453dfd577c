package config

import (
	"bytes"
	"sort"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config/redact"
	"github.com/tailrace/tailrace/config/spelling"
)

// Report holds the problems of all files of one Load, in the order of file, line and column, and what is needed to
// print them: the files' text, and what must not be printed of it. The zero Report has no problems and no files.
type Report struct {
	Diagnostics hcl.Diagnostics

	seen    map[place]bool
	sources map[string][]byte
	secrets redact.Secrets
	hiding  map[string][]redact.Span // what redactions found, by file
}

// place identifies a problem: a connection is decoded once for each block that uses it.
type place struct {
	at      hcl.Range
	summary string
}

// HasErrors reports whether any problem is an error; the others are warnings.
func (r *Report) HasErrors() bool { return r.Diagnostics.HasErrors() }

// Add inserts more problems, such as those of a live check, in the order of their places, without the secrets of the files. It drops
// those that are already there.
func (r *Report) Add(diags ...*hcl.Diagnostic) {
	for _, d := range diags {
		d.Summary, d.Detail = r.secrets.Scrub(d.Summary), r.secrets.Scrub(d.Detail)
	}
	r.append(diags...)
	r.sort()
}

func (r *Report) append(diags ...*hcl.Diagnostic) {
	if r.seen == nil {
		r.seen = map[place]bool{}
	}
	for _, d := range diags {
		p := place{summary: d.Summary}
		if d.Subject != nil {
			p.at = *d.Subject
		}
		if !r.seen[p] {
			r.seen[p] = true
			r.Diagnostics = append(r.Diagnostics, d)
		}
	}
}

func (r *Report) sort() {
	sort.SliceStable(r.Diagnostics, func(i, j int) bool { return before(r.Diagnostics[i], r.Diagnostics[j]) })
}

// before reports whether a comes before b: by place, and first those without one, such as a path that does not exist.
func before(a, b *hcl.Diagnostic) bool {
	if a.Subject == nil || b.Subject == nil {
		return a.Subject == nil && b.Subject != nil
	}
	if a.Subject.Filename != b.Subject.Filename {
		return a.Subject.Filename < b.Subject.Filename
	}
	return a.Subject.Start.Byte < b.Subject.Start.Byte
}

// problem is an error at a place.
func problem(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}

// beginning is the place where a file begins.
func beginning(name string) hcl.Range {
	return hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
}

// Suggest returns the sentence `Did you mean "x"?` when a known name is similar to the given one, else "".
func Suggest(given string, known []string) string {
	if s := spelling.Nearest(given, known); s != "" {
		return `Did you mean "` + s + `"?`
	}
	return ""
}

// list is the names in a sentence: "a", "b" or "c".
func list(names []string) string {
	sort.Strings(names)
	var b bytes.Buffer
	for i, n := range names {
		switch {
		case i > 0 && i == len(names)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(`"` + n + `"`)
	}
	return b.String()
}
