package admin

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline"
)

// Table returns one paragraph per pipeline: a line for it, one for its source, one per sink, and the problems with their fixes.
func Table(list []pipeline.Status, now time.Time) []byte {
	var b bytes.Buffer
	if len(list) == 0 {
		fmt.Fprintln(&b, "no pipeline is enabled")
	}
	for i, st := range list {
		if i > 0 {
			fmt.Fprintln(&b)
		}
		fmt.Fprintf(&b, "%s  %s  %s\n", st.Name, stateText(st.State, now), st.Role)
		fmt.Fprintf(&b, "  %s\n", sourceText(st))
		sinkTable(&b, st.Sinks, now)
		for _, state := range append([]pipeline.State{st.State}, st.Warnings...) {
			printProblem(&b, st.Name, state)
		}
		for _, s := range st.Sinks {
			printProblem(&b, st.Name+"/"+s.Name, s.State)
		}
	}
	return b.Bytes()
}

func sourceText(st pipeline.Status) string {
	s := st.Source
	parts := []string{s.Kind}
	if !s.Connected {
		parts[0] += " (not connected)"
	}
	if s.Slot != "" {
		parts = append(parts, "slot "+s.Slot)
	}
	parts = append(parts, fmt.Sprintf("confirmed %s of %s", s.Confirmed, s.End), Size(s.Retained)+" of WAL kept")
	if s.Safe >= 0 {
		parts = append(parts, Size(s.Safe)+" until the slot is lost")
	}
	parts = append(parts, fmt.Sprintf("window %s of %s", Size(st.Window.Bytes), Size(st.Window.Limit)))
	if s.Copied > 0 {
		parts = append(parts, fmt.Sprintf("snapshot %d of about %d rows", s.Copied, s.Estimated))
	}
	return strings.Join(parts, ", ")
}

func sinkTable(w io.Writer, sinks []pipeline.SinkStatus, now time.Time) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  SINK\tKIND\tSTATE\tDURABLE\tLAG\tWAL\tEVENTS\tREJECTED")
	for _, s := range sinks {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\n", s.Name, s.Kind, stateText(s.State, now), s.Durable,
			Age(time.Duration(s.LagSeconds*float64(time.Second))), Size(s.LagBytes), s.Events, s.Rejected)
	}
	t.Flush()
}

// stateText is the name of a state, its kind unless it is ok, and how long it has lasted.
func stateText(s pipeline.State, now time.Time) string {
	text := s.Name
	if s.Kind != pipeline.OK {
		text = strings.ToUpper(s.Kind) + " " + s.Name
	}
	if s.Since.IsZero() {
		return text
	}
	return text + " for " + Age(now.Sub(s.Since).Truncate(time.Second))
}

func printProblem(w io.Writer, who string, s pipeline.State) {
	if s.Reason == "" {
		return
	}
	fmt.Fprintf(w, "  %s: %s: %s\n", who, s.Name, s.Reason)
	if s.Fix != "" {
		fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(s.Fix, "\n", "\n    "))
	}
}
