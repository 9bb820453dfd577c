package eval

import (
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// Input is what a compiled expression is evaluated on.
type Input struct {
	Change   *capture.Change
	Child    []capture.Value              // of the name child
	Children map[string][][]capture.Value // of Names.Lists
}

// ErrUnchanged is the error of an evaluation that reads a TOASTed value which the update left unchanged, under Reject.
var ErrUnchanged = errors.New("a value that is stored out of line (TOAST) was not changed by the update, so the log does not have it")

// Source is where a column's value comes from.
type Source uint8

// The rows of a Change and of an Input.
const (
	OfRow   Source = iota // the new row, the old one for a delete
	OfOld                 // the old row of an update
	OfChild               // the name child
	OfItem                // an element of a list of child rows
)

// String returns the name in expressions.
func (s Source) String() string { return [...]string{"row", "old", "child", "item"}[s] }

// Column is a column of a row as an expression reads it.
type Column struct {
	Source    Source
	Index     int // into the columns of the table; -1: a later column, always null
	Name      string
	Table     *capture.Table
	Appender  jsonvalue.Appender // of its values as JSON
	Unchanged bool               // an update may lack the value
	Reject    bool               // then the evaluation ends with ErrUnchanged
}

// ColumnValue returns a column's value of the row that an expression is evaluated on.
func (f *Frame) ColumnValue(s Source, slot, index int) *capture.Value {
	switch s {
	case OfRow:
		return &f.Row[index]
	case OfOld:
		return oldValue(f.Old, f.Row, index)
	case OfChild:
		if index < len(f.In.Child) {
			return &f.In.Child[index]
		}
	case OfItem:
		if row := f.Items[slot].Row(); index < len(row) {
			return &row[index]
		}
	}
	return &absent
}

var absent = capture.Value{Kind: capture.Absent}

// oldValue returns a value before an update. Where the log has none, the update has not changed it.
func oldValue(old, row []capture.Value, index int) *capture.Value {
	if old != nil && old[index].Kind != capture.Absent {
		return &old[index]
	}
	return &row[index]
}

// Missing returns what a column gives that has no text: null, or the end of the evaluation.
func (f *Frame) Missing(v *capture.Value, c *Column) Value {
	switch {
	case v.Kind == capture.Null:
		return Value{}
	case v.Kind == capture.Unchanged && c.Reject:
		f.Err = ErrUnchanged
	case !IsFinal(f.Err):
		f.Err = f.unknown(fmt.Sprintf("the log does not have %s.%s", c.Source, c.Name))
	}
	return Value{Kind: Failed}
}

// Row returns the columns of a row; nil for any other value.
func (v Value) Row() []capture.Value {
	if v.Kind != RowKind {
		return nil
	}
	return v.Box.Rows[v.Int]
}
