package config

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config/redact"
)

// Colours of a terminal.
const (
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// Write prints every problem: its place, severity and summary on one line, as compilers do, the excerpt with the token
// underlined, and the detail with what was probably meant. Secrets are replaced by "(secret)", in the excerpt too.
func (r *Report) Write(w io.Writer, color bool) error {
	var b bytes.Buffer
	for i, d := range r.Diagnostics {
		if i > 0 {
			b.WriteByte('\n')
		}
		r.write(&b, d)
	}
	out := b.String()
	if !color {
		out = strings.NewReplacer(red, "", yellow, "", bold, "", plain, "").Replace(out)
	}
	_, err := io.WriteString(w, out)
	return err
}

// String is what Write prints, without colours.
func (r *Report) String() string {
	var b strings.Builder
	_ = r.Write(&b, false)
	return b.String()
}

func (r *Report) write(b *bytes.Buffer, d *hcl.Diagnostic) {
	severity, tint := "error", red
	if d.Severity == hcl.DiagWarning {
		severity, tint = "warning", yellow
	}
	if d.Subject != nil {
		fmt.Fprintf(b, "%s%s:%d:%d:%s ", bold, printable(d.Subject.Filename), d.Subject.Start.Line, d.Subject.Start.Column, plain)
	}
	fmt.Fprintf(b, "%s%s:%s %s%s%s\n", tint, severity, plain, bold, printable(d.Summary), plain)
	if d.Subject != nil {
		r.excerpt(b, *d.Subject, tint)
	}
	if d.Detail != "" {
		fmt.Fprintf(b, "  %s\n", strings.ReplaceAll(printable(d.Detail), "\n", "\n  "))
	}
}

// excerpt prints the line of a problem with its token underlined.
func (r *Report) excerpt(b *bytes.Buffer, at hcl.Range, tint string) {
	src := r.sources[at.Filename]
	if at.Start.Byte > len(src) || src == nil {
		return
	}
	start := bytes.LastIndexByte(src[:at.Start.Byte], '\n') + 1
	end := len(src)
	if i := bytes.IndexByte(src[at.Start.Byte:], '\n'); i >= 0 {
		end = at.Start.Byte + i
	}
	spans := append(slices.Clip(r.redactions(at.Filename, src)), r.secrets.Literals(src, start, end)...)
	line := excerptOf(src, start, end, spans)
	from, to := line.column(at.Start.Byte), line.column(max(min(at.End.Byte, end), at.Start.Byte))
	from, to = line.cut(from, to)
	text := strings.TrimRight(string(line.text), " ")
	marker := strings.Repeat(" ", from) + tint + strings.Repeat("^", max(1, to-from)) + plain
	fmt.Fprintf(b, "  %4d | %s\n       | %s\n", at.Start.Line, text, marker)
}

// excerptLine is a line as it is printed, and the column at which each byte of the file begins in it.
type excerptLine struct {
	text    []rune
	columns map[int]int
}

func excerptOf(src []byte, start, end int, spans []redact.Span) *excerptLine {
	l := &excerptLine{columns: map[int]int{}}
	for i := start; i < end; {
		l.columns[i] = len(l.text)
		if to := hiddenUpTo(spans, i); to > i {
			from := len(l.text)
			l.text = append(l.text, []rune(redact.Hidden)...)
			for ; i < min(to, end); i++ {
				l.columns[i] = from
			}
			continue
		}
		c, n := utf8.DecodeRune(src[i:end])
		i += n
		switch {
		case c == '\t':
			l.text = append(l.text, []rune("    ")...)
		case c == '\r':
		case !unicode.IsPrint(c):
			l.text = append(l.text, utf8.RuneError)
		default:
			l.text = append(l.text, c)
		}
	}
	l.columns[end] = len(l.text)
	return l
}

func hiddenUpTo(spans []redact.Span, i int) int {
	to := i
	for _, s := range spans {
		if s.From <= to && to < s.To {
			to = s.To
		}
	}
	return to
}

// column returns the column of the byte at an offset; within a character, that of the character.
func (l *excerptLine) column(offset int) int {
	for ; offset > 0; offset-- {
		if c, ok := l.columns[offset]; ok {
			return c
		}
	}
	return l.columns[0]
}

// widest is how many columns of a line are printed.
const widest = 160

// cut shortens a long line to the part around the marker, whose new columns it returns.
func (l *excerptLine) cut(from, to int) (int, int) {
	if len(l.text) > widest && from > widest/2 {
		off := from - widest/2
		l.text = append([]rune("…"), l.text[off+1:]...)
		from, to = from-off, to-off
	}
	if len(l.text) > widest {
		l.text = append(l.text[:widest:widest], '…')
	}
	return min(from, widest), min(to, widest)
}

// printable replaces characters that would move a terminal's cursor, except newlines.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || unicode.IsPrint(c) {
			return c
		}
		return utf8.RuneError
	}, s)
}
