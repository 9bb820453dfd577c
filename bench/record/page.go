package record

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const preface = `# Results

Written by ` + "`make bench`" + ` from the files in ` + "`results/`" + `; never by hand. Each table is one run of the command, all tools in turn on one
machine that also runs the servers: the ratios within a table mean something, a figure beside one of another machine does
not. Figures are medians, with the smallest and the largest run in brackets. CPU is in microseconds of one core.
`

// page is RESULTS.md.
func page(reports []*Report) string {
	var b strings.Builder
	b.WriteString(preface)
	for _, r := range reports {
		r.write(&b)
	}
	return b.String()
}

func (r *Report) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s: %s\n\n", r.Part, r.Title)
	if len(r.Setting) > 0 {
		fmt.Fprintf(b, "%s\n\n", strings.Join(r.Setting, " "))
	}
	fmt.Fprintf(b, "| |")
	for _, c := range r.Columns {
		fmt.Fprintf(b, " %s |", c.Title)
	}
	fmt.Fprintf(b, "\n|---|%s\n", strings.Repeat("---:|", len(r.Columns)))
	for _, l := range r.Lines {
		fmt.Fprintf(b, "| %s |", l.Name)
		for _, c := range r.Columns {
			fmt.Fprintf(b, " %s |", l.cell(c))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, note := range append(r.Notes, r.failures()...) {
		fmt.Fprintf(b, "- %s\n", note)
	}
	fmt.Fprintf(b, "\n<sub>%s; commit %s, %s; load average before: %.2f; %s; %s.</sub>\n", r.runs(), r.Commit,
		r.Date.Format("2006-01-02 15:04 UTC"), r.Load, r.Machine, r.versions())
}

// cell is a median, with its spread where the column wants it.
func (l *Line) cell(c Column) string {
	vs := l.values(c.Key)
	if len(vs) == 0 {
		return ""
	}
	text := figure(median(vs), c.Digits)
	if c.Spread && len(vs) > 1 {
		text += fmt.Sprintf(" (%s - %s)", figure(vs[0], c.Digits), figure(vs[len(vs)-1], c.Digits))
	}
	return text
}

// figure writes a number with thousands apart.
func figure(v float64, digits int) string {
	text := strconv.FormatFloat(v, 'f', digits, 64)
	whole, rest, fraction := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction {
		return sign + whole + "." + rest
	}
	return sign + whole
}

// Count writes a whole number as the tables do.
func Count(n int) string { return figure(float64(n), 0) }

// failures says which lines lack runs, and why.
func (r *Report) failures() (notes []string) {
	for _, l := range r.Lines {
		n, why := 0, ""
		for _, run := range l.Runs {
			if run.Failed != "" {
				n, why = n+1, run.Failed
			}
		}
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%s failed in %d of %d runs: %s", l.Name, n, len(l.Runs), strings.Join(strings.Fields(why), " ")))
		}
	}
	return notes
}

// runs says how many runs the lines have.
func (r *Report) runs() string {
	n := 0
	for _, l := range r.Lines {
		n = max(n, len(l.Runs))
	}
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", n)
}

func (r *Report) versions() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		parts = append(parts, name+" "+r.Versions[name])
	}
	return strings.Join(parts, ", ")
}
