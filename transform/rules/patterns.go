package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
)

// Patterns are the tables that a block names: exact text "schema.table", the schema up to the first dot, in which * stands for any
// characters. The zero value matches no table.
type Patterns struct {
	at   hcl.Range
	list []pattern
}

type pattern struct{ schema, name string }

// String returns the text of the file.
func (p pattern) String() string { return p.schema + "." + p.name }

// NewPatterns returns the patterns of texts that the file has at a place. It reports each text that is not the name of a table.
func NewPatterns(at hcl.Range, texts ...string) (Patterns, hcl.Diagnostics) {
	p := Patterns{at: at}
	var diags hcl.Diagnostics
	for i, text := range texts {
		schema, name, ok := capture.SplitName(text)
		switch {
		case !ok:
			diags = append(diags, Fault(at, fmt.Sprintf("%q is not schema.table", text), `Write the schema as well, such as "public.orders".`))
		case strings.ContainsRune(text, 0):
			diags = append(diags, Fault(at, fmt.Sprintf("%q has a zero byte", text), "No table has such a name."))
		case len(schema) > 63 || len(name) > 63:
			diags = append(diags, Fault(at, fmt.Sprintf("%q is too long", text), "Postgres cuts names at 63 bytes."))
		case slices.Contains(texts[:i], text):
			diags = append(diags, Fault(at, fmt.Sprintf("%q is named twice", text), "Remove one of them."))
		default:
			p.list = append(p.list, pattern{schema, name})
		}
	}
	return p, diags
}

// Match reports whether a table is one of those that the patterns name.
func (p Patterns) Match(schema, name string) bool {
	return slices.ContainsFunc(p.list, func(one pattern) bool { return one.match(schema, name) })
}

// Key returns a text that two Patterns have in common only if they match the same tables.
func (p Patterns) Key() string {
	texts := make([]string, len(p.list))
	for i, one := range p.list {
		texts[i] = one.String()
	}
	slices.Sort(texts)
	return strings.Join(texts, "\x00")
}

// CheckNames reports the tables that are named exactly and that the source does not select.
func (p Patterns) CheckNames(selects func(schema, table string) bool) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, one := range p.list {
		if !strings.Contains(one.String(), "*") && !selects(one.schema, one.name) {
			diags = append(diags, Fault(p.at, fmt.Sprintf("the source does not select table %q", one),
				"Add it to the tables of the source, or correct the name. Names are exact text, without quotes."))
		}
	}
	return diags
}

// Unpublished is the Extra of a diagnostic about a table that the source does not publish.
type Unpublished struct{}

// Check reports the patterns that no table of the live source matches, as Unpublished. A pattern with * may match one that is created
// later, so it causes a warning only.
func (p Patterns) Check(live []*capture.Table) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, one := range p.list {
		if slices.ContainsFunc(live, func(t *capture.Table) bool { return one.match(t.Schema, t.Name) }) {
			continue
		}
		d := Fault(p.at, fmt.Sprintf("the source publishes no table %q", one), "")
		d.Extra = Unpublished{}
		if strings.Contains(one.String(), "*") {
			d.Severity = hcl.DiagWarning
		}
		if d.Detail = config.Suggest(one.String(), namesOf(live)); d.Detail == "" {
			d.Detail = "Add it to the tables of the source, or correct the name. Names are exact text, without quotes."
		}
		diags = append(diags, d)
	}
	return diags
}

// CheckEach is Check, and reports what check finds in each table that the patterns name, once per place.
func (p Patterns) CheckEach(live []*capture.Table, check func(*capture.Table) hcl.Diagnostics) hcl.Diagnostics {
	diags := p.Check(live)
	for _, t := range live {
		if p.Match(t.Schema, t.Name) {
			diags = append(diags, check(t)...)
		}
	}
	return Once(diags)
}

func namesOf(tables []*capture.Table) []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.String()
	}
	return names
}

func (p pattern) match(schema, name string) bool { return glob(p.schema, schema) && glob(p.name, name) }

// glob matches s against a pattern in which * stands for any characters. The first match of each piece is the right one, except for
// the last piece, which has to match at the end.
func glob(p, s string) bool {
	first, rest, wild := strings.Cut(p, "*")
	if !wild {
		return p == s
	}
	s, ok := strings.CutPrefix(s, first)
	for ok {
		var piece string
		if piece, rest, wild = strings.Cut(rest, "*"); !wild {
			return strings.HasSuffix(s, piece)
		}
		_, s, ok = strings.Cut(s, piece)
	}
	return false
}

// Fault returns an error at a place.
func Fault(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}
