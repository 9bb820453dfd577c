package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Report prints the results of tables, and counts what they have in total. One goroutine uses it.
type Report struct {
	Out    io.Writer
	JSON   bool     // print one JSON object per line for each difference and each table
	Repair bool     // differences are repaired
	Paths  []string // of the pipeline files, for the command that creates what is missing

	// Counts of all results so far.
	Wrong int // rows, or tables, that differ and were not repaired, and tables that could not be compared
	Busy  int // rows that changed at every attempt
}

// Table prints the result of a table.
func (r *Report) Table(t Table, result Result) {
	r.Busy += result.Busy
	repaired := result.More
	for _, d := range result.Differences {
		if d.Repaired {
			repaired++
		} else {
			r.Wrong++
		}
		r.Difference(d)
	}
	r.more(result.More)
	if result.NotCompared {
		r.Wrong++
	}
	if r.JSON {
		r.printJSON(map[string]any{
			"table": t.Source.String(), "rows": result.Rows, "differences": len(result.Differences) + result.More, "repaired": repaired,
			"busy": result.Busy, "compared": !result.NotCompared,
		})
		return
	}
	if result.NotCompared {
		fmt.Fprintf(r.Out, "%s: not compared: it has no key, and was written to during every attempt\n", t.Source)
		return
	}
	text := "the same"
	switch n := len(result.Differences) + result.More; {
	case n > 0 && n == repaired:
		text = fmt.Sprintf("%s, repaired", count(n, "difference"))
	case n > 0:
		text = fmt.Sprintf("%s, %d repaired", count(n, "difference"), repaired)
	}
	fmt.Fprintf(r.Out, "%s: %s compared, %s\n", t.Source, count(int(result.Rows), "row"), text)
}

// Difference prints a difference without values, which may be secret.
func (r *Report) Difference(d Difference) {
	if (d.Kind == "no_table" || d.Kind == "no_column") && !r.Repair {
		d.Detail += "; to create it: tailrace verify -repair -table '" + d.Table.String() + "' " + strings.Join(r.Paths, " ")
	}
	if r.JSON {
		r.printJSON(struct {
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
	fmt.Fprintln(r.Out, strings.Join(parts, "  "))
}

// more prints the number of repaired rows that are not listed.
func (r *Report) more(n int) {
	if n > 0 && !r.JSON {
		fmt.Fprintf(r.Out, "... and %s more, repaired\n", count(n, "row"))
	}
}

func (r *Report) printJSON(what any) {
	text, _ := json.Marshal(what)
	fmt.Fprintf(r.Out, "%s\n", text)
}

// count is a number with a noun: 1 row, 2 rows.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
