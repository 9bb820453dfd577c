package verify

import (
	"fmt"
	"io"
	"strings"
)

// Bar shows on a terminal how far a table is.
type Bar struct {
	out   io.Writer
	table Table
}

const barWidth = 30

// NewBar draws a bar at zero. terminal may be nil, then the bar is never drawn.
func NewBar(terminal io.Writer, t Table) *Bar {
	b := &Bar{out: terminal, table: t}
	b.Show(Progress{})
	return b
}

// Show draws the bar again.
func (b *Bar) Show(p Progress) {
	if b.out == nil {
		return
	}
	total := max(b.table.Rows, p.Rows, 1)
	full := int(p.Rows * barWidth / total)
	fmt.Fprintf(b.out, "\r\x1b[K%s [%s%s] %d of about %d rows", b.table.Source, strings.Repeat("#", full),
		strings.Repeat(".", barWidth-full), p.Rows, b.table.Rows)
}

// Clear erases the bar.
func (b *Bar) Clear() {
	if b.out != nil {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}
