package expr

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/eval"
	"github.com/tailrace/tailrace/transform/jsonvalue"
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
	// NumericAsNumber is set where the format of the sink has numeric values as numbers; otherwise they are strings in JSON.
	NumericAsNumber bool
	// Memory is that of the evaluation. nil: the compiled expression has its own.
	Memory *Memory
}

// Memory is the memory in which expressions are evaluated. Expressions that one goroutine evaluates one after another can share it, so
// that thousands of them need no more of the processor's cache than one. The zero value is ready to use.
type Memory struct {
	frame eval.Frame
	types [2]*jsonvalue.Types // numeric values as strings, and as numbers
}

// typesOf returns how values of types become JSON.
func (m *Memory) typesOf(numericAsNumber bool) *jsonvalue.Types {
	i := 0
	if numericAsNumber {
		i = 1
	}
	if m.types[i] == nil {
		m.types[i] = jsonvalue.New(numericAsNumber)
	}
	return m.types[i]
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

// Input is what a compiled expression is evaluated on.
type Input = eval.Input

// ErrUnchanged is the error of an evaluation that reads a TOASTed value which the update left unchanged, under Reject.
var ErrUnchanged = eval.ErrUnchanged
