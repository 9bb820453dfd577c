package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr/decimal"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// rowCompiler compiles one expression for one shape. Without a shape it checks the expression: columns then have any type.
type rowCompiler struct {
	expr   *config.Expression
	names  Names
	shape  *Shape
	diags  hcl.Diagnostics
	memory *Memory
	rows   map[string]*eval.Type // of row, old, child and the lists
	vars   []variable            // of for, from the outermost
	slots  int                   // of all variables
	depth  int

	hidden []string // texts that may be secrets: no problem shows them
}

// variable is a name that a for defines.
type variable struct {
	name string
	slot int
	typ  *eval.Type
}

// rowNames are the names that every expression over a row may use, besides local.
var rowNames = []string{"row", "old", "op", "table", "tx", "source"}

// screen checks what needs no compiler: the size, the names, and numbers that would need gigabytes.
func (r *Row) screen() hcl.Diagnostics {
	if diags := (compiler{expr: r.expr}).checkSize(); diags.HasErrors() {
		return diags
	}
	var diags hcl.Diagnostics
	_ = hclsyntax.VisitAll(r.expr.Syntax(), func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.LiteralValueExpr:
			if n.Val.Type() == cty.Number && hugeNumber(n.Val) {
				diags = append(diags, problem(n.Range(), "the number is too large", fmt.Sprintf("A number has at most %d digits.", decimal.MaxDigits)))
			}
		case *hclsyntax.FunctionCallExpr:
			if n.Name == "file" {
				diags = append(diags, problem(n.NameRange, "file() is for settings, not for rules",
					`Read the file once: locals { key = file("...") }, and write local.key here.`))
			}
		}
		return nil
	})
	for _, t := range r.expr.Syntax().Variables() {
		if detail, without := r.names.Without[t.RootName()]; without {
			diags = append(diags, problem(t[0].SourceRange(), fmt.Sprintf("%q is not known here", t.RootName()), detail))
		}
	}
	return append(diags, r.expr.CheckNames(append(slices.Concat(rowNames, r.names.Lists), "child")...)...)
}

func hugeNumber(v cty.Value) bool {
	if !v.IsKnown() || v.IsNull() {
		return false
	}
	bits := v.AsBigFloat().MantExp(nil)
	return bits > decimal.MaxBits || bits < -decimal.MaxBits/2
}

// fail reports a problem and returns nil.
func (c *rowCompiler) fail(at hcl.Range, summary, detail string) *eval.Node {
	for _, secret := range c.hidden {
		summary, detail = strings.ReplaceAll(summary, secret, "(hidden)"), strings.ReplaceAll(detail, secret, "(hidden)")
	}
	c.diags = append(c.diags, problem(at, summary, detail))
	return nil
}

// hide keeps the texts of a constant out of problems, where the expression uses env(), file() or a local that does.
func (c *rowCompiler) hide(v eval.Value) {
	switch {
	case !c.expr.Secret():
	case v.Kind == eval.ListKind || v.Kind == eval.ObjectKind:
		for i, e := range v.Box.List {
			c.hide(e)
			if v.Kind == eval.ObjectKind {
				c.hide(eval.Text(v.Box.Keys[i]))
			}
		}
	case v.Kind == eval.TextKind || v.Kind == eval.NumberKind:
		text := string(eval.AppendText(eval.Scratch(0), nil, v))
		if quoted := strings.Trim(string(quotedText(text)), `"`); quoted != text {
			c.hidden = append(c.hidden, quoted)
		}
		if text != "" {
			c.hidden = append(c.hidden, text)
		}
	}
}

// compile compiles a part of the expression. It returns nil after a problem.
func (c *rowCompiler) compile(x hclsyntax.Expression) *eval.Node {
	n := c.operand(x)
	if n == nil || !c.present(n) {
		return nil
	}
	return n
}

// operand compiles a part that may be a column whose value an update may lack; the caller calls present, or can do without the value.
func (c *rowCompiler) operand(x hclsyntax.Expression) *eval.Node {
	if c.depth >= eval.MaxNested {
		return c.fail(x.Range(), "nested too deep", fmt.Sprintf("An expression over a row has at most %d levels.", eval.MaxNested))
	}
	c.depth++
	n := c.dispatch(x)
	c.depth--
	if n != nil {
		n.At = x.Range()
	}
	return n
}

func (c *rowCompiler) dispatch(x hclsyntax.Expression) *eval.Node {
	switch x := x.(type) {
	case *hclsyntax.LiteralValueExpr:
		return c.literal(x)
	case *hclsyntax.ParenthesesExpr:
		return c.operand(x.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return c.operand(x.Wrapped)
	case *hclsyntax.ScopeTraversalExpr:
		return c.traversal(x)
	case *hclsyntax.RelativeTraversalExpr:
		return c.steps(c.compile(x.Source), x.Traversal, x.SrcRange)
	case *hclsyntax.IndexExpr:
		return c.index(c.compile(x.Collection), c.compile(x.Key), x)
	case *hclsyntax.TemplateExpr:
		return c.template(x)
	case *hclsyntax.TemplateJoinExpr:
		return c.templateJoin(x)
	case *hclsyntax.BinaryOpExpr:
		return c.binary(x)
	case *hclsyntax.UnaryOpExpr:
		return c.unary(x)
	case *hclsyntax.ConditionalExpr:
		return c.conditional(x)
	case *hclsyntax.FunctionCallExpr:
		return c.call(x)
	case *hclsyntax.ObjectConsKeyExpr:
		return c.operand(x.Wrapped)
	case *hclsyntax.ObjectConsExpr:
		return c.object(x)
	case *hclsyntax.TupleConsExpr:
		return c.list(x)
	case *hclsyntax.ForExpr:
		return c.loop(x)
	case *hclsyntax.SplatExpr:
		return c.splat(x)
	case *hclsyntax.AnonSymbolExpr:
		return c.variable(splatItem, x.Range())
	}
	return c.fail(x.Range(), "this is not supported in an expression over a row", "Write it with operators, functions, for and ? :.")
}

func (c *rowCompiler) literal(x *hclsyntax.LiteralValueExpr) *eval.Node {
	v, ok := fromCty(x.Val)
	if !ok {
		return c.fail(x.Range(), "this value is not supported in an expression over a row", "")
	}
	return eval.Constant(v, x.Range())
}

// evaluate returns a part that uses no name but local as a constant, by HCL's evaluator.
func (c *rowCompiler) evaluate(x hclsyntax.Expression) *eval.Node {
	v, diags := c.expr.Evaluate(x, nil)
	if diags.HasErrors() {
		c.diags = append(c.diags, diags...)
		return nil
	}
	if !v.IsWhollyKnown() {
		return c.unseen(eval.AnyType)
	}
	r, ok := fromCty(v)
	if !ok {
		return c.fail(x.Range(), "this value is not supported in an expression over a row", "")
	}
	c.hide(r)
	return eval.Constant(r, x.Range())
}

// unseen is a node for what this check does not know.
func (c *rowCompiler) unseen(t *eval.Type) *eval.Node {
	return &eval.Node{Type: t, Level: eval.OnRow, Checks: true, Eval: func(*eval.Frame) eval.Value { return eval.Value{} }}
}

// fold returns the constant that an operation over constants gives, and any other operation as it is.
func (c *rowCompiler) fold(n *eval.Node, operands ...*eval.Node) *eval.Node {
	n.Level = eval.LevelOf(operands...)
	n.Checks = slices.ContainsFunc(operands, func(o *eval.Node) bool { return o.Checks })
	if n.Level != eval.OnNothing {
		return n
	}
	return c.folded(n)
}

// folded evaluates a node that depends on nothing.
func (c *rowCompiler) folded(n *eval.Node) *eval.Node {
	f := eval.Scratch(c.slots)
	v := n.Eval(f)
	if f.Err == nil {
		c.hide(v)
		k := eval.Constant(v, n.At)
		if n.Type != nil && n.Type.Postgres != nil {
			k.Type = n.Type
		}
		return k
	}
	at := n.At
	summary := f.Err.Error()
	if e, ok := f.Err.(*eval.Error); ok { //nolint:errorlint // fail returns it unwrapped
		summary = e.Summary
		if e.At.Filename != "" {
			at = e.At
		}
	}
	return c.fail(at, summary, "This part of the expression is the same for every row.")
}

// scalar reports a result that is no text.
func (c *rowCompiler) scalar(n *eval.Node) bool {
	if n.Type.Class != eval.ListClass && n.Type.Class != eval.ObjectClass {
		return true
	}
	c.fail(n.At, "this does not give a text", fmt.Sprintf("It is %s. Write one of its parts, or jsonencode(...).", n.Type.Describe()))
	return false
}

// boolean reports a result that is neither true nor false.
func (c *rowCompiler) boolean(n *eval.Node) bool {
	switch n.Type.Class {
	case eval.AnyClass, eval.NullClass, eval.BoolClass:
		return true
	}
	detail := "Write a comparison, such as row.status == \"paid\"."
	if n.Name != "" {
		detail = fmt.Sprintf("%s is %s. Write a comparison, such as %s.", n.Name, n.Type.Describe(), exampleOf(n))
	}
	c.fail(n.At, "this is neither true nor false", detail)
	return false
}

func exampleOf(n *eval.Node) string {
	if n.Type.Class == eval.NumberClass {
		return n.Name + " > 0"
	}
	return n.Name + " != null"
}
