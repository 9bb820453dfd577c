package expr

import (
	"errors"

	"github.com/tailrace/tailrace/capture"
)

// Shape is what a Row is compiled for.
type Shape struct {
	Table    *capture.Table
	Op       capture.Op
	Child    *capture.Table            // the table of the name child; nil: the expression does not use it
	Children map[string]*capture.Table // the tables of Names.Lists
	// Unchanged is what reading a TOASTed value that an update did not change does, outside of a condition.
	Unchanged Unchanged
	// Later are columns that later shapes of the table have, and this one lacks: null in rows of this shape. nil: there are none.
	Later map[string]*capture.Type
	// ChildUpdated is set when rows of child tables may be the new rows of updates, which lack TOASTed values that did not change.
	ChildUpdated bool
	Pipeline     string // source.pipeline
}

// Unchanged is what happens to an expression that reads a TOASTed value which an update left unchanged, so that the log does not have
// it.
type Unchanged uint8

// The values of on_unchanged.
const (
	Refuse Unchanged = iota // compiling reports that the value may be unknown
	Omit                    // an attribute of an object that is such a value is left out; anything else is refused
	Reject                  // the event is rejected: evaluating returns ErrUnchanged
)

// ErrUnchanged is the error of an evaluation that reads a TOASTed value which the update left unchanged, under Reject.
var ErrUnchanged = errors.New("a value that is stored out of line (TOAST) was not changed by the update, so the log does not have it")

// Input is what a compiled expression is evaluated on.
type Input struct {
	Change   *capture.Change
	Child    []capture.Value              // of the name child
	Children map[string][][]capture.Value // of Names.Lists
}

// source is where a column's value comes from.
type source uint8

const (
	ofRow   source = iota // the new row, the old one for a delete
	ofOld                 // the old row of an update
	ofChild               // the name child
	ofItem                // an element of a list of child rows
	ofNone                // the row has no such column: always null
)

// String returns the name in expressions.
func (s source) String() string { return [...]string{"row", "old", "child", "item", "row"}[s] }

// rowType is the columns of one of the rows that an expression can name.
type rowType struct {
	source source
	table  *capture.Table // nil: not known in this check
	types  []fieldType    // of the columns
	json   []columnJSON   // of the columns
	omit   bool           // values that an update left unchanged are left out
	reject bool           // they end the evaluation with ErrUnchanged
}

// column is a column of a row as an expression reads it.
type column struct {
	source    source
	index     int // into the columns of the table; -1: a later column, always null
	name      string
	table     *capture.Table
	unchanged bool // an update may lack the value
	reject    bool // then the evaluation ends with ErrUnchanged
}
