package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/eventtest/preview"
	"github.com/tailrace/tailrace/transform/expr"
)

// Write prints what an operation on a table becomes in a pipeline, for people.
func Write(w io.Writer, pipeline string, t *capture.Table, op capture.Op, r Result) {
	fmt.Fprintf(w, "pipeline %s: %s of %s\n", pipeline, op, t)
	if r.Where != nil {
		printRule(w, *r.Where)
	}
	for _, s := range r.Sinks {
		fmt.Fprintf(w, "\nsink %s %q: %s\n", s.Kind, s.Name, events(len(s.Events)))
		for i := range s.Events {
			printEvent(w, &s.Events[i])
		}
		if s.Stop != nil {
			fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(stopLine(s.Stop), "\n", "\n  "))
		}
		for _, r := range s.Rules {
			printRule(w, r)
		}
	}
}

func events(n int) string {
	if n == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}

func stopLine(s *preview.Stop) string {
	text := "rejected, " + s.Rejected
	if s.Halted != "" {
		text = "halted, " + s.Halted
	}
	text += fmt.Sprintf(": %v", s.Err)
	if s.Fix != "" {
		text += "\nfix: " + s.Fix
	}
	return text
}

func printEvent(w io.Writer, e *preview.Event) {
	fmt.Fprintf(w, "  event %s\n", e.Type)
	line := func(name string, text []byte) { fmt.Fprintf(w, "    %-8s %s\n", name, orNull(text)) }
	if e.Topic != nil {
		line("topic", e.Topic)
	}
	if e.Value != nil || e.Key != nil {
		line("key", e.Key)
	}
	for _, h := range e.Headers {
		if h.Given {
			line("header", []byte(h.Name+": "+orNull(h.Value)))
		}
	}
	line("data", indented(e.Data))
}

func orNull(text []byte) string {
	switch {
	case text == nil:
		return "null"
	case !utf8.Valid(text):
		return fmt.Sprintf("%q", text)
	}
	return string(text)
}

// indented returns a JSON text on several lines; any other text as it is.
func indented(text []byte) []byte {
	var b bytes.Buffer
	if text == nil || json.Indent(&b, text, "             ", "  ") != nil {
		return text
	}
	return b.Bytes()
}

func printRule(w io.Writer, r Rule) {
	what := "matched    "
	if !r.Matched {
		what = "not matched"
	}
	fmt.Fprintf(w, "  %s  %s\n", what, r.Block)
	if r.Why != "" {
		fmt.Fprintf(w, "      %s\n", r.Why)
	}
	if r.When == nil {
		return
	}
	list := operandLines(*r.When, "")
	width := 0
	for _, l := range list {
		width = max(width, utf8.RuneCountInString(l.text))
	}
	for _, l := range list {
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(l.text))
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("      %s%s  %-13s  %s", l.text, pad, l.value, l.reads), " "))
	}
}

// operandLine is one part of a condition.
type operandLine struct{ text, value, reads string }

// operandLines returns the parts of a condition, those inside of others indented.
func operandLines(o expr.Operand, indent string) (all []operandLine) {
	if o.Operator == "&&" || o.Operator == "||" {
		if indent != "" || o.Operator == "||" {
			all = append(all, operandLine{text: indent + map[string]string{"&&": "all of", "||": "one of"}[o.Operator], value: valueText(o)})
			indent += "  "
		}
		for _, inner := range o.Operands {
			all = append(all, operandLines(inner, indent)...)
		}
		return all
	}
	l := operandLine{text: indent + o.Text, value: valueText(o)}
	var reads []string
	for _, r := range o.Reads {
		if r.Err != "" {
			reads = append(reads, r.Name+": "+r.Err)
		} else {
			reads = append(reads, r.Name+" = "+shortened(r.Value))
		}
	}
	l.reads = strings.Join(reads, ", ")
	all = append(all, l)
	if o.Operator == "!" && len(o.Operands) == 1 {
		all = append(all, operandLines(o.Operands[0], indent+"  ")...)
	}
	return all
}

func valueText(o expr.Operand) string {
	switch {
	case !o.Evaluated:
		return "not evaluated"
	case o.Err != "":
		return o.Err
	}
	return shortened(o.Value)
}

// maxShown is how many characters of a value are shown next to a condition.
const maxShown = 80

func shortened(text string) string {
	if r := []rune(text); len(r) > maxShown {
		return string(r[:maxShown]) + "…"
	}
	return text
}
