package expr

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
)

// Row is an expression over the row of a change, such as row.status == "paid". NewRow checks what a file can show; its methods
// compile it for one shape of a table and one operation. Any goroutine may use a Row.
type Row struct {
	expr  *config.Expression
	names Names
}

// Names are what an expression may use besides local, row, old, op, table, tx and source.
type Names struct {
	Child bool     // the name child: a row of a child table, as in the join of an aggregate
	Lists []string // names of lists of child rows, such as lines
}

// Shape is what a Row is compiled for.
type Shape struct {
	Table    *capture.Table
	Op       capture.Op
	Child    *capture.Table            // the table of the name child; nil: the expression does not use it
	Children map[string]*capture.Table // the tables of Names.Lists
	// Unchanged is what reading a TOASTed value that an update did not change does, outside of a condition.
	Unchanged Unchanged
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
type Input struct {
	Change   *capture.Change
	Child    []capture.Value              // of the name child
	Children map[string][][]capture.Value // of Names.Lists
}

// NewRow checks the names, the functions, the operators and the constant parts of an expression. It returns nil for nil, with
// problems, and for an expression that uses something that is not known because the check is offline.
func NewRow(e *config.Expression, n Names) (*Row, hcl.Diagnostics) {
	return nil, nil
}

// Condition is a compiled expression whose result is true or false. One goroutine at a time may use it.
type Condition struct{}

// Condition compiles the expression for a shape. A null result is false.
func (r *Row) Condition(s Shape) (*Condition, hcl.Diagnostics) { return nil, nil }

// Holds evaluates the condition. An error is ErrUnchanged, or one of the values, such as a division by zero.
func (c *Condition) Holds(in *Input) (bool, error) { return false, nil }

// Constant returns the result when it is the same for every row of the shape.
func (c *Condition) Constant() (holds, ok bool) { return false, false }

// Equality is a requirement of a condition: the text of the value of a column of the new row (of the old one for a delete).
type Equality struct {
	Column int // index into the columns of the table
	Text   string
}

// Requires returns equalities of which each is necessary for the condition to hold, so that many conditions can be selected by one
// lookup. A column whose values can be equal without having the same text is in none.
func (c *Condition) Requires() []Equality { return nil }

// Text is a compiled expression whose result is a text: a key, a topic, a header. One goroutine at a time may use it.
type Text struct{}

// Text compiles the expression for a shape. Numbers, booleans and any other scalar become the text that a template gives.
func (r *Row) Text(s Shape) (*Text, hcl.Diagnostics) { return nil, nil }

// Append appends the text to dst. null reports that the result is null, and nothing was appended.
func (t *Text) Append(dst []byte, in *Input) (out []byte, null bool, err error) {
	return dst, true, nil
}

// Constant returns the text when it is the same for every row of the shape.
func (t *Text) Constant() (text string, ok bool) { return "", false }

// Value is a compiled expression of any type. One goroutine at a time may use it.
type Value struct{}

// Value compiles the expression for a shape.
func (r *Row) Value(s Shape) (*Value, hcl.Diagnostics) { return nil, nil }

// AppendJSON appends the value as JSON, by the rules of package jsonvalue.
func (v *Value) AppendJSON(dst []byte, in *Input) ([]byte, error) { return dst, nil }

// Column returns the column of the row when the expression is nothing but row.column, so that its text can be passed on untouched.
func (v *Value) Column() (column int, ok bool) { return 0, false }
