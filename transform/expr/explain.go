package expr

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/config"
)

// Operand is a part of a condition, and what it was for one change. Operator joins Operands; without one the part is not split
// further.
type Operand struct {
	Text      string // as the file has it, on one line
	Evaluated bool   // false: the operands before it decide
	Value     string // JSON; "" when it was not evaluated, or failed
	Err       string // why it has no value
	Operator  string // "&&", "||", "!" or ""
	Operands  []Operand
	Reads     []Read // the names that the part reads
}

// Read is a name in an expression with its value.
type Read struct {
	Name  string // row.status
	Value string // JSON
	Err   string // why it has no value
}

// Explain evaluates a condition part by part, as Condition and Holds do, and shows what each was. It compiles every part, so it
// is slow: it is not for the path of a row.
func (r *Row) Explain(s Shape, in *Input) Operand {
	e := explainer{shape: s, in: in, names: r.names}
	return e.explain(r.expr, r.expr.Syntax())
}

// explainer explains one condition.
type explainer struct {
	shape Shape
	in    *Input
	names Names
}

// explain explains a part of an expression that is a condition.
func (e *explainer) explain(x *config.Expression, syntax hclsyntax.Expression) Operand {
	for {
		inner, is := syntax.(*hclsyntax.ParenthesesExpr)
		if !is {
			break
		}
		syntax = inner.Expression
	}
	part := x.Part(syntax)
	o := Operand{Text: strings.Join(strings.Fields(part.Text()), " "), Evaluated: true}
	o.Value, o.Err = e.value(part)
	switch s := syntax.(type) {
	case *hclsyntax.BinaryOpExpr:
		switch s.Op {
		case hclsyntax.OpLogicalAnd:
			o.Operator = "&&"
		case hclsyntax.OpLogicalOr:
			o.Operator = "||"
		}
		if o.Operator != "" {
			o.Operands = e.chain(x, s)
			return o
		}
	case *hclsyntax.UnaryOpExpr:
		if s.Op == hclsyntax.OpLogicalNot {
			o.Operator, o.Operands = "!", []Operand{e.explain(x, s.Val)}
			return o
		}
	}
	o.Reads = e.reads(part)
	return o
}

// chain explains the operands of a && b && c, from the left, up to the one that decides.
func (e *explainer) chain(x *config.Expression, s *hclsyntax.BinaryOpExpr) (all []Operand) {
	decides := "false"
	if s.Op == hclsyntax.OpLogicalOr {
		decides = "true"
	}
	decided := false
	for _, syntax := range operandsOf(s, s.Op) {
		if decided {
			all = append(all, Operand{Text: strings.Join(strings.Fields(x.Part(syntax).Text()), " ")})
			continue
		}
		o := e.explain(x, syntax)
		decided = o.Value == decides
		all = append(all, o)
	}
	return all
}

// operandsOf returns the operands of a chain of one operator, from the left.
func operandsOf(s hclsyntax.Expression, op *hclsyntax.Operation) []hclsyntax.Expression {
	b, is := s.(*hclsyntax.BinaryOpExpr)
	if !is || b.Op != op {
		return []hclsyntax.Expression{s}
	}
	return append(operandsOf(b.LHS, op), operandsOf(b.RHS, op)...)
}

// value returns the value of a part as JSON.
func (e *explainer) value(part *config.Expression) (value, err string) {
	row, diags := NewRow(part, e.names)
	if row == nil {
		return "", firstOf(diags)
	}
	v, diags := row.Value(e.shape)
	if v == nil {
		return "", firstOf(diags)
	}
	text, failed := v.AppendJSON(nil, e.in)
	if failed != nil {
		return "", failed.Error()
	}
	return string(text), ""
}

// firstOf returns the summary of the first problem.
func firstOf(diags hcl.Diagnostics) string {
	if len(diags) == 0 {
		return "its value is not known"
	}
	return diags[0].Summary
}

// reads returns the values of the names that a part reads, each once.
func (e *explainer) reads(part *config.Expression) (all []Read) {
	seen := map[string]bool{}
	_ = hclsyntax.VisitAll(part.Syntax(), func(n hclsyntax.Node) hcl.Diagnostics {
		t, is := n.(*hclsyntax.ScopeTraversalExpr)
		if !is {
			return nil
		}
		switch t.Traversal.RootName() {
		case "row", "old", "op", "table", "tx", "source":
		default:
			return nil
		}
		name := part.Part(t)
		r := Read{Name: name.Text()}
		if seen[r.Name] || r.Name == part.Text() {
			return nil
		}
		seen[r.Name] = true
		r.Value, r.Err = e.value(name)
		all = append(all, r)
		return nil
	})
	return all
}
