package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/tailrace/tailrace/internal/replica/verify"
)

// report prints the result of a table.
func (v *verification) report(t verify.Table, r verify.Result) {
	v.busy += r.Busy
	repaired := r.More
	for _, d := range r.Differences {
		if d.Repaired {
			repaired++
		} else {
			v.wrong++
		}
		v.difference(d)
	}
	v.more(r.More)
	if r.NotCompared {
		v.wrong++
	}
	if v.json {
		v.printJSON(map[string]any{
			"table": t.Source.String(), "rows": r.Rows, "differences": len(r.Differences) + r.More, "repaired": repaired, "busy": r.Busy, "compared": !r.NotCompared,
		})
		return
	}
	if r.NotCompared {
		fmt.Fprintf(v.a.out, "%s: not compared: it has no key, and was written to during every attempt\n", t.Source)
		return
	}
	text := "the same"
	switch n := len(r.Differences) + r.More; {
	case n > 0 && n == repaired:
		text = fmt.Sprintf("%s, repaired", count(n, "difference"))
	case n > 0:
		text = fmt.Sprintf("%s, %d repaired", count(n, "difference"), repaired)
	}
	fmt.Fprintf(v.a.out, "%s: %s compared, %s\n", t.Source, count(int(r.Rows), "row"), text)
}

// difference prints a difference without values, which may be secret.
func (v *verification) difference(d verify.Difference) {
	if (d.Kind == "no_table" || d.Kind == "no_column") && !v.repair {
		d.Detail += "; to create it: tailrace verify -repair -table '" + d.Table.String() + "' " + strings.Join(v.paths, " ")
	}
	if v.json {
		v.printJSON(struct {
			Table    string   `json:"table"`
			Key      []string `json:"key,omitempty"`
			Kind     string   `json:"kind"`
			Columns  []string `json:"columns,omitempty"`
			Detail   string   `json:"detail,omitempty"`
			Repaired bool     `json:"repaired"`
		}{d.Table.String(), d.Key, d.Kind, d.Columns, d.Detail, d.Repaired})
		return
	}
	parts := []string{d.Table.String()}
	if d.Key != nil {
		key, _ := json.Marshal(d.Key)
		parts = append(parts, string(key))
	}
	parts = append(parts, d.Kind)
	if len(d.Columns) > 0 && d.Detail == "" {
		parts = append(parts, "in "+strings.Join(d.Columns, ", "))
	}
	if d.Detail != "" {
		parts = append(parts, d.Detail)
	}
	if d.Repaired {
		parts = append(parts, "(repaired)")
	}
	fmt.Fprintln(v.a.out, strings.Join(parts, "  "))
}

// more prints the number of repaired rows that are not listed.
func (v *verification) more(n int) {
	if n > 0 && !v.json {
		fmt.Fprintf(v.a.out, "... and %s more, repaired\n", count(n, "row"))
	}
}

func (v *verification) printJSON(what any) {
	text, _ := json.Marshal(what)
	fmt.Fprintf(v.a.out, "%s\n", text)
}

// bar shows on a terminal how far a table is.
type bar struct {
	out   io.Writer // nil: not a terminal
	table verify.Table
}

const barWidth = 30

func newBar(a *app, t verify.Table) *bar {
	b := &bar{table: t}
	if isTerminal(a.err) {
		b.out = a.err
		b.show(verify.Progress{})
	}
	return b
}

func (b *bar) show(p verify.Progress) {
	if b.out == nil {
		return
	}
	total := max(b.table.Rows, p.Rows, 1)
	full := int(p.Rows * barWidth / total)
	fmt.Fprintf(b.out, "\r\x1b[K%s [%s%s] %d of about %d rows", b.table.Source, strings.Repeat("#", full),
		strings.Repeat(".", barWidth-full), p.Rows, b.table.Rows)
}

func (b *bar) clear() {
	if b.out != nil {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}
