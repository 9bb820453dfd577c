package record

import (
	"fmt"
	"strings"
)

// failed counts the runs of a line without figures and returns the reason of the last one.
func (l *Line) failed() (n int, why string) {
	for _, run := range l.Runs {
		if run.Failed != "" {
			n, why = n+1, oneLine(run.Failed)
		}
	}
	return n, why
}

// failedRuns counts the failed runs of all lines.
func (r *Report) failedRuns() (failed, all int) {
	for _, l := range r.Lines {
		n, _ := l.failed()
		failed, all = failed+n, all+len(l.Runs)
	}
	return failed, all
}

// mark returns the addition to the title in the list of tables; "": no run has failed.
func (r *Report) mark() string {
	n, _ := r.failedRuns()
	switch {
	case r.Failed != "":
		return ": **FAILED**"
	case n == 1:
		return ": **1 RUN FAILED**"
	case n > 1:
		return fmt.Sprintf(": **%d RUNS FAILED**", n)
	}
	return ""
}

// warn writes above a table what is missing in it.
func (r *Report) warn(b *strings.Builder) {
	if r.Failed != "" {
		fmt.Fprintf(b, "**FAILED: the case was not measured to its end:** %s\n\n", oneLine(r.Failed))
	}
	if n, all := r.failedRuns(); n > 0 {
		fmt.Fprintf(b, "**FAILED: %d of %d runs have no figures; the reasons are below the table.**\n\n", n, all)
	}
}

// failures lists the lines that lack runs, and the reasons.
func (r *Report) failures() (notes []string) {
	for _, l := range r.Lines {
		if n, why := l.failed(); n > 0 {
			notes = append(notes, fmt.Sprintf("**%s failed in %d of %d runs:** %s", l.Name, n, len(l.Runs), why))
		}
	}
	return notes
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
