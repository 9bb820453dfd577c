package expr

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr/eval"
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
	// Without are names that the block does not know, each with the detail of the problem that it is.
	Without map[string]string
}

// NewRow checks the names, the functions, the operators and the constant parts of an expression. It returns nil for nil, with
// problems, and for an expression that uses something that is not known because the check is offline.
func NewRow(e *config.Expression, n Names) (*Row, hcl.Diagnostics) {
	if e == nil {
		return nil, nil
	}
	r := &Row{expr: e, names: n}
	if diags := r.screen(); diags.HasErrors() {
		return nil, diags
	}
	c := r.compiler(nil)
	c.compile(e.Syntax())
	if c.diags.HasErrors() {
		return nil, c.diags
	}
	if !e.Known() {
		return nil, nil
	}
	return r, nil
}

// compiler returns a compiler for a shape. Without one it checks what needs no table.
func (r *Row) compiler(s *Shape) *rowCompiler {
	c := &rowCompiler{expr: r.expr, names: r.names, shape: s}
	if s == nil {
		return c
	}
	if c.memory = s.Memory; c.memory == nil {
		c.memory = &Memory{}
	}
	c.describe()
	return c
}

// compiled is what Condition, Text and Value have in common: an expression and the memory in which it is evaluated.
type compiled struct {
	frame   *eval.Frame
	program eval.Program
}

// prepare compiles the expression with use, and takes over what the evaluation needs. It returns nil with problems.
func (r *Row) prepare(s Shape, use func(*rowCompiler) *eval.Node) (*compiled, hcl.Diagnostics) {
	c := r.compiler(&s)
	n := use(c)
	if n == nil || c.diags.HasErrors() {
		return nil, c.diags
	}
	return &compiled{program: eval.Program{
		Node: n, Variables: int32(c.slots), Columns: int32(len(s.Table.Columns)), At: new(c.expr.Range()), NumericAsNumber: s.NumericAsNumber,
	}, frame: &c.memory.frame}, nil
}

// Value is a compiled expression of any type. One goroutine at a time may use it.
type Value struct {
	object *objectJSON // nil: json appends the value
	json   func(*eval.Frame, []byte) []byte
	compiled
}

// Value compiles the expression for a shape.
func (r *Row) Value(s Shape) (*Value, hcl.Diagnostics) {
	p, diags := r.prepare(s, func(c *rowCompiler) *eval.Node { return c.compile(r.expr.Syntax()) })
	if p == nil {
		return nil, diags
	}
	json := p.program.Node.EvalJSON
	if json == nil {
		json = p.program.Node.AppendJSON
	}
	object, _ := p.program.Node.Encoder.(*objectJSON)
	return &Value{object, json, *p}, nil
}

// AppendJSON appends the value as JSON, by the rules of package jsonvalue. With an error, dst is returned as it was.
func (v *Value) AppendJSON(dst []byte, in *Input) ([]byte, error) {
	f := v.frame
	if !f.Begin(&v.program, in) {
		return dst, f.End()
	}
	var out []byte
	if v.object != nil {
		out = v.object.AppendJSON(f, dst)
	} else {
		out = v.json(f, dst)
	}
	f.Bounded(len(out) - len(dst))
	if err := f.End(); err != nil {
		return dst, err
	}
	return out, nil
}

// Column returns the column of the row when the expression is nothing but row.column, so that its text can be passed on untouched.
func (v *Value) Column() (column int, ok bool) {
	if c := v.program.Node.Column; c != nil && c.Source == eval.OfRow && c.Index >= 0 {
		return c.Index, true
	}
	return 0, false
}
