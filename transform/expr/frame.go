package expr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
)

// Limits on one evaluation.
const (
	maxResult = 64 << 20 // bytes of a text, of JSON, and of all that is in between
	maxWork   = 1 << 28  // about a nanosecond each
	maxNested = 500      // levels of a value
	keepArena = 64 << 10 // bytes of memory that a frame keeps for the next row
)

// frame is the memory in which one goroutine evaluates an expression, row after row.
type frame struct {
	in       *Input
	row, old []capture.Value
	items    []val    // the variables of for
	arena    []byte   // texts in between
	free     [][]byte // buffers of build
	stack    []val    // the arguments of the functions that run
	err      error
	work     int       // what is left of maxWork
	room     int       // what is left of maxResult for what is in between
	columns  int       // of the table
	at       hcl.Range // the expression, for errors
}

// scratch returns a frame for constants.
func scratch() *frame { return &frame{work: maxWork, room: maxResult} }

// begin prepares the frame for a change. It reports false when the change does not have the shape.
func (f *frame) begin(in *Input) bool {
	ch := in.Change
	f.in, f.err, f.work, f.room = in, nil, maxWork, maxResult
	f.row, f.old = ch.After, ch.Before
	if f.row == nil {
		f.row = ch.Before
	}
	if len(f.arena) > 0 {
		f.reset()
	}
	if f.row != nil && len(f.row) < f.columns || f.old != nil && len(f.old) < f.columns {
		f.err = f.unknown(fmt.Sprintf("a row of %s has not the columns of its table", ch.Table))
		return false
	}
	return true
}

// reset makes the memory of the last row free again.
func (f *frame) reset() {
	f.arena = f.arena[:0]
	if cap(f.arena) > keepArena {
		f.arena = nil
	}
}

// end returns the error of an evaluation, and lets go of the row.
func (f *frame) end() error {
	f.in, f.row, f.old = nil, nil, nil
	return f.err
}

// evalError is the error of an evaluation at a place of the expression.
type evalError struct {
	at      hcl.Range
	summary string
	final   bool // try() does not hide it
}

// Error returns the place and the summary. It quotes no value.
func (e *evalError) Error() string {
	return fmt.Sprintf("evaluate expression at %s:%d: %s", e.at.Filename, e.at.Start.Line, e.summary)
}

// fail ends the evaluation.
func (f *frame) fail(at hcl.Range, summary string) val {
	if f.err == nil {
		f.err = &evalError{at: at, summary: summary}
	}
	return val{kind: failed}
}

// stop ends the evaluation with an error that try() does not hide.
func (f *frame) stop(summary string) val {
	if !isFinal(f.err) {
		f.err = &evalError{at: f.at, summary: summary, final: true}
	}
	return val{kind: failed}
}

// isFinal reports whether an error is none that try() hides.
func isFinal(err error) bool {
	if err == nil {
		return false
	}
	e, ok := err.(*evalError) //nolint:errorlint // fail returns it unwrapped
	return !ok || e.final
}

// spend takes from the work that an evaluation may do, and reports whether there was enough left.
func (f *frame) spend(n int) bool {
	if f.work -= n; f.work < 0 {
		f.stop("the expression does too much work for one row")
		return false
	}
	return true
}

// bounded ends the evaluation when a result has too many bytes.
func (f *frame) bounded(n int) bool {
	if n > maxResult {
		f.stop("the result is larger than 64 MiB")
		return false
	}
	return true
}

// take takes from the memory that an evaluation may use, and reports whether there was enough left.
func (f *frame) take(n int) bool {
	if f.room -= n; f.room < 0 || n < 0 {
		f.stop("the expression needs more than 64 MiB for one row")
		return false
	}
	return f.spend(n)
}

// kept returns the part of the arena from start on, which stays valid until the next row.
func (f *frame) kept(start int) []byte {
	if !f.take(len(f.arena) - start) {
		return nil
	}
	return f.arena[start:len(f.arena):len(f.arena)]
}

// build returns the text that appender appends to a buffer, which may itself use the frame.
func (f *frame) build(appender func(*frame, []byte) []byte) []byte {
	var buf []byte
	if n := len(f.free); n > 0 {
		buf, f.free = f.free[n-1][:0], f.free[:n-1]
	}
	buf = appender(f, buf)
	start := len(f.arena)
	if f.bounded(len(buf)) {
		f.arena = append(f.arena, buf...)
	}
	if cap(buf) <= keepArena {
		f.free = append(f.free, buf)
	}
	return f.kept(start)
}

// unknown is the problem of a row that lacks a value which its shape promises.
func (f *frame) unknown(reason string) error {
	return &capture.Problem{
		State: "rule_value_unknown", Halted: true,
		Reason: fmt.Sprintf("%s; the rule at %s:%d was checked for rows that have it", reason, f.at.Filename, f.at.Start.Line),
		Fix:    "run `tailrace check` again: it names the columns that the log does not carry; then resume the sink",
	}
}
