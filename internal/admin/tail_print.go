package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/tail"
)

// TailPrinter prints the lines of a tail for a terminal. Nothing that a daemon sends moves its cursor.
type TailPrinter struct {
	Out      io.Writer // of events
	States   io.Writer
	Pipeline string
}

// Print prints a line.
func (p *TailPrinter) Print(_ []byte, l *TailLine) (err error) {
	switch {
	case l.Event != nil:
		_, err = io.WriteString(p.Out, eventText(l.Event))
	case l.Skipped > 0:
		_, err = fmt.Fprintf(p.Out, "%s: %s not shown\n", printable(l.Sink), plural(l.Skipped, "event"))
	case l.State != nil:
		_, err = io.WriteString(p.States, p.stateText(l.State))
	}
	return err
}

func (p *TailPrinter) stateText(s *TailState) string {
	var b strings.Builder
	who := p.Pipeline
	if s.Sink != "" {
		who += "/" + s.Sink
	}
	switch {
	case s.Role == pipeline.Standby && s.Sink == "":
		fmt.Fprintf(&b, "%s: standby: another daemon is active, and has the events", who)
	case s.Kind == pipeline.OK:
		fmt.Fprintf(&b, "%s: %s", who, s.Name)
	default:
		fmt.Fprintf(&b, "%s: %s %s", who, strings.ToUpper(s.Kind), s.Name)
	}
	if s.Reason != "" {
		fmt.Fprintf(&b, ": %s", s.Reason)
	}
	lines := []string{b.String()}
	if s.Fix != "" {
		lines = append(lines, strings.Split(s.Fix, "\n")...)
	}
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n    ") + "\n"
}

// eventText returns an event as two lines or more: what it is, and its data.
func eventText(e *tail.Event) string {
	var b strings.Builder
	if e.Time != nil {
		fmt.Fprintf(&b, "%s ", e.Time.Format("15:04:05.000"))
	}
	fmt.Fprintf(&b, "%s  %s", printable(e.Sink), printable(eventName(e)))
	if e.Topic != "" {
		fmt.Fprintf(&b, "  topic %s", printable(e.Topic))
	}
	if e.Key != nil {
		fmt.Fprintf(&b, "  key %s", printable(*e.Key))
	}
	fmt.Fprintf(&b, "  at %s+%d\n", printable(e.LSN), e.Seq)
	if r := e.Rejected; r != nil {
		fmt.Fprintf(&b, "  rejected, %s: %s\n", printable(r.Reason), printable(r.Error))
	}
	for _, name := range sortedNames(e.Headers) {
		fmt.Fprintf(&b, "  header %s: %s\n", printable(name), orNullText(e.Headers[name]))
	}
	switch {
	case e.Data != nil:
		fmt.Fprintf(&b, "  %s\n", EscapeControls(oneLine(e.Data)))
	case e.DataBase64 != nil:
		fmt.Fprintf(&b, "  %s of data that is no text\n", plural(uint64(len(e.DataBase64)), "byte"))
	}
	for _, name := range sortedNames(e.Omitted) {
		fmt.Fprintf(&b, "  omitted: %s (%s)\n", printable(name), Size(int64(e.Omitted[name])))
	}
	if e.Problem != "" {
		fmt.Fprintf(&b, "  not shown completely: %s\n", printable(e.Problem))
	}
	return b.String()
}

// eventName is the type of an event that a block has made, with its table; else the operation and the table.
func eventName(e *tail.Event) string {
	plain := strings.TrimSpace(e.Op + " " + e.Table)
	if e.Type == "" || e.Type == e.Table+"."+e.Op {
		return plain
	}
	return fmt.Sprintf("%s (%s)", e.Type, plain)
}

// oneLine returns a JSON text without line breaks.
func oneLine(text json.RawMessage) []byte {
	return slices.DeleteFunc(slices.Clone(text), func(c byte) bool { return c == '\n' || c == '\r' || c == '\t' })
}

func orNullText(text *string) string {
	if text == nil {
		return "null"
	}
	return printable(*text)
}

// printable returns a text as it is if all of its characters can be printed, and quoted otherwise: nothing in a row moves a terminal's
// cursor.
func printable(text string) string {
	if strings.IndexFunc(text, func(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }) < 0 {
		return text
	}
	return strconv.Quote(text)
}

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func sortedNames[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
