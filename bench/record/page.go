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
machine that also runs the servers: the ratios within a table mean something, a figure next to one of another machine does
not. Figures are medians of the runs, with the smallest and the largest one in brackets. CPU is user and system time, in
microseconds of one core; MB are millions of bytes.
`

// page writes RESULTS.md: an overview, and a chapter per part.
func page(reports []*Report) string {
	var b strings.Builder
	b.WriteString(preface)
	machines, versions := shared(reports, func(r *Report) string { return r.Machine }), shared(reports, (*Report).versions)
	contents(&b, reports, machines, versions)
	part := ""
	for _, r := range reports {
		if r.Part != part {
			part = r.Part
			_, p := chapter(part)
			fmt.Fprintf(&b, "\n## %s\n", part)
			if p.columns != "" {
				fmt.Fprintf(&b, "\n%s\n", p.columns)
			}
		}
		r.write(&b)
		r.footer(&b, machines == "", versions == "")
	}
	return b.String()
}

// contents lists the tables with the commits that they were measured at.
func contents(b *strings.Builder, reports []*Report, machines, versions string) {
	if len(reports) == 0 {
		return
	}
	if all := slices.DeleteFunc([]string{machines, versions}, func(s string) bool { return s == "" }); len(all) > 0 {
		fmt.Fprintf(b, "\nAll of it: %s.\n", strings.Join(all, "; "))
	}
	if shared(reports, func(r *Report) string { return r.Commit }) == "" {
		fmt.Fprintf(b, "\n**The tables are of different commits.** What changed in between is in none of their ratios.\n")
	}
	b.WriteString("\n| table | | runs | commit | begun, UTC |\n|---|---|---:|---|---|\n")
	for _, r := range reports {
		fmt.Fprintf(b, "| %s | %s%s | %d | %s | %s |\n", r.Part, r.Title, r.mark(), r.runs(), r.Commit, r.Date.Format("2006-01-02 15:04"))
	}
}

// shared returns what all reports have in common; "": they differ.
func shared(reports []*Report, of func(*Report) string) (text string) {
	for i, r := range reports {
		if i > 0 && of(r) != text {
			return ""
		}
		text = of(r)
	}
	return text
}

// footer writes what a table was measured with, without what all tables share.
func (r *Report) footer(b *strings.Builder, machine, versions bool) {
	runs := "1 run"
	if n := r.runs(); n != 1 {
		runs = fmt.Sprintf("%d runs", n)
	}
	fmt.Fprintf(b, "\n<sub>%s; commit %s, %s; load average before: %.2f", runs, r.Commit, r.Date.Format("2006-01-02 15:04 UTC"), r.Load)
	if machine {
		fmt.Fprintf(b, "; %s", r.Machine)
	}
	if versions {
		fmt.Fprintf(b, "; %s", r.versions())
	}
	b.WriteString(".</sub>\n")
}

func (r *Report) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s: %s\n\n", r.Part, r.Title)
	r.warn(b)
	if len(r.Setting) > 0 {
		fmt.Fprintf(b, "%s\n\n", strings.Join(r.Setting, " "))
	}
	if len(r.Lines) > 0 {
		r.lines(b)
	}
	for i, note := range append(r.Notes[:len(r.Notes):len(r.Notes)], r.failures()...) {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "- %s\n", note)
	}
}

// lines writes the table itself.
func (r *Report) lines(b *strings.Builder) {
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
}

// cell returns a median, with its spread if the column shows it.
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

// figure formats a number with separators between thousands.
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

// Count formats an integer as the tables do.
func Count(n int) string { return figure(float64(n), 0) }

// runs returns the number of runs of the lines.
func (r *Report) runs() (n int) {
	for _, l := range r.Lines {
		n = max(n, len(l.Runs))
	}
	return n
}

func (r *Report) versions() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		parts = append(parts, name+" "+r.Versions[name])
	}
	return strings.Join(parts, ", ")
}
