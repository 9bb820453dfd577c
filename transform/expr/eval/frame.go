package eval

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
)

// Limits on one evaluation.
const (
	maxResult = 64 << 20 // bytes of a text, of JSON, and of all that is in between
	maxWork   = 1 << 28  // about a nanosecond each
	MaxNested = 500      // levels of a value
	keepArena = 64 << 10 // bytes of memory that a frame keeps for the next row
)

// Frame is the memory in which one goroutine evaluates expressions, one after another. The zero value is ready for Begin.
type Frame struct {
	In       *Input
	Row, Old []capture.Value
	Items    []Value  // the variables of for
	Arena    []byte   // texts in between
	free     [][]byte // buffers of build
	Stack    []Value  // the arguments of the functions that run
	Err      error
	work     int      // what is left of maxWork
	room     int      // what is left of maxResult for what is in between
	of       *Program // what is evaluated
	tx       *capture.Tx
	txTime   []byte // of tx, as JSON
}

// Program is a compiled expression.
type Program struct {
	Node            *Node
	At              *hcl.Range // the expression, for errors
	Variables       int32      // of for
	Columns         int32      // of the table
	NumericAsNumber bool       // a numeric is a number in JSON, else a string
}

// Scratch returns a frame for constants of an expression that has variables.
func Scratch(variables int) *Frame {
	return &Frame{work: maxWork, room: maxResult, Items: make([]Value, variables), of: &Program{At: &hcl.Range{}}}
}

// Begin prepares the frame for the evaluation of an expression on a change. It reports false when the change does not have the shape.
func (f *Frame) Begin(p *Program, in *Input) bool {
	ch := in.Change
	f.In, f.of, f.Err, f.work, f.room = in, p, nil, maxWork, maxResult
	f.Row, f.Old = ch.After, ch.Before
	if f.Row == nil {
		f.Row = ch.Before
	}
	if len(f.Arena) > 0 {
		f.reset()
	}
	if len(f.Items) < int(p.Variables) {
		f.Items = make([]Value, p.Variables)
	}
	if columns := int(p.Columns); f.Row != nil && len(f.Row) < columns || f.Old != nil && len(f.Old) < columns {
		f.Err = f.unknown(fmt.Sprintf("a row of %s has not the columns of its table", ch.Table))
		return false
	}
	return true
}

// reset makes the memory of the last row free again.
func (f *Frame) reset() {
	f.Arena = f.Arena[:0]
	if cap(f.Arena) > keepArena {
		f.Arena = nil
	}
}

// End returns the error of an evaluation, and lets go of the row.
func (f *Frame) End() error {
	f.In, f.Row, f.Old = nil, nil, nil
	return f.Err
}

// Error is the error of an evaluation at a place of the expression.
type Error struct {
	At      hcl.Range
	Summary string
	final   bool // try() does not hide it
}

// Error returns the place and the summary. It quotes no value.
func (e *Error) Error() string {
	return fmt.Sprintf("evaluate expression at %s:%d: %s", e.At.Filename, e.At.Start.Line, e.Summary)
}

// Fail ends the evaluation.
func (f *Frame) Fail(at hcl.Range, summary string) Value {
	if f.Err == nil {
		f.Err = &Error{At: at, Summary: summary}
	}
	return Value{Kind: Failed}
}

// stop ends the evaluation with an error that try() does not hide.
func (f *Frame) stop(summary string) Value {
	if !IsFinal(f.Err) {
		f.Err = &Error{At: *f.of.At, Summary: summary, final: true}
	}
	return Value{Kind: Failed}
}

// IsFinal reports whether an error is none that try() hides.
func IsFinal(err error) bool {
	if err == nil {
		return false
	}
	e, ok := err.(*Error) //nolint:errorlint // fail returns it unwrapped
	return !ok || e.final
}

// Spend takes from the work that an evaluation may do, and reports whether there was enough left.
func (f *Frame) Spend(n int) bool {
	if f.work -= n; f.work < 0 {
		f.stop("the expression does too much work for one row")
		return false
	}
	return true
}

// Bounded ends the evaluation when a result has too many bytes.
func (f *Frame) Bounded(n int) bool {
	if n > maxResult {
		f.stop("the result is larger than 64 MiB")
		return false
	}
	return true
}

// Take takes from the memory that an evaluation may use, and reports whether there was enough left.
func (f *Frame) Take(n int) bool {
	if f.room -= n; f.room < 0 || n < 0 {
		f.stop("the expression needs more than 64 MiB for one row")
		return false
	}
	return f.Spend(n)
}

// Kept returns the part of the arena from start on, which stays valid until the next row.
func (f *Frame) Kept(start int) []byte {
	if !f.Take(len(f.Arena) - start) {
		return nil
	}
	return f.Arena[start:len(f.Arena):len(f.Arena)]
}

// Build returns the text that appender appends to a buffer, which may itself use the frame.
func (f *Frame) Build(appender func(*Frame, []byte) []byte) []byte {
	var buf []byte
	if n := len(f.free); n > 0 {
		buf, f.free = f.free[n-1][:0], f.free[:n-1]
	}
	buf = appender(f, buf)
	start := len(f.Arena)
	if f.Bounded(len(buf)) {
		f.Arena = append(f.Arena, buf...)
	}
	if cap(buf) <= keepArena {
		f.free = append(f.free, buf)
	}
	return f.Kept(start)
}

// unknown is the problem of a row that lacks a value which its shape promises.
func (f *Frame) unknown(reason string) error {
	return &capture.Problem{
		State: "rule_value_unknown", Halted: true,
		Reason: fmt.Sprintf("%s; the rule at %s:%d was checked for rows that have it", reason, f.of.At.Filename, f.of.At.Start.Line),
		Fix:    "run `tailrace check` again: it names the columns that the log does not carry; then resume the sink",
	}
}
