package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/transform/expr/eval"
	"github.com/tailrace/tailrace/transform/expr/functions"
)

// call compiles the call of a function.
func (c *rowCompiler) call(x *hclsyntax.FunctionCallExpr) *eval.Node {
	switch x.Name {
	case "try":
		return c.try(x)
	case "can":
		return c.can(x)
	case "coalesce":
		return c.coalesce(x)
	}
	fn := functions.Get(x.Name)
	if fn == nil || x.ExpandFinal {
		return c.constantCall(x, fn != nil)
	}
	s := &functions.Call{Function: fn, At: x.Range()}
	for _, a := range x.Args {
		n := c.compile(a)
		s.Args = append(s.Args, n)
	}
	if slices.Contains(s.Args, nil) || !c.arity(x, fn) {
		return nil
	}
	if !s.Check(callChecker{c}) {
		return nil
	}
	for _, a := range s.Args {
		s.Items = append(s.Items, c.elementType(a))
	}
	if !s.Complete(callChecker{c}) {
		return nil
	}
	n := &eval.Node{At: s.At, Type: s.Type(), Eval: s.Eval}
	return c.fold(n, s.Args...)
}

// elementType returns the type of what a list or an object has, and prepares a row that is used as an object.
func (c *rowCompiler) elementType(n *eval.Node) *eval.Type {
	if n.Type.Row != nil {
		c.encoders(n.Type.Row)
		return eval.AnyType
	}
	if n.Type.Class == eval.ObjectClass {
		return n.Type.Item()
	}
	return c.itemType(n)
}

// constantCall evaluates a call that does not depend on a row by HCL's evaluator.
func (c *rowCompiler) constantCall(x *hclsyntax.FunctionCallExpr, expanded bool) *eval.Node {
	if !c.expr.HasFunction(x.Name) {
		return c.unseen(eval.AnyType) // it is reported already
	}
	for _, t := range x.Variables() {
		if t.RootName() == "local" && c.find("local") < 0 {
			continue
		}
		if expanded {
			return c.fail(x.NameRange, "... is not supported on row values", "Write the arguments one by one.")
		}
		return c.fail(x.NameRange, fmt.Sprintf("%s() is not supported on row values", x.Name), fmt.Sprintf(
			"It takes what is known when the file is read: literals, local and env(). On row values there are %s.", supported()))
	}
	if expensive(x) {
		return c.fail(x.NameRange, "this constant is too expensive", "Write its value, or a simpler expression.")
	}
	return c.evaluate(x)
}

// expensive reports a constant whose size is the product of several sizes.
func expensive(x hclsyntax.Expression) bool {
	products := 0
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
			products++
		case *hclsyntax.FunctionCallExpr:
			if n.Name == "setproduct" || n.Name == "formatlist" || n.Name == "format" || n.Name == "indent" {
				products++
			}
		}
		return nil
	})
	return products > 1
}

// supported lists the functions over row values.
func supported() string {
	names := append(functions.Names(), "try", "can", "coalesce")
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// arity reports a wrong number of arguments.
func (c *rowCompiler) arity(x *hclsyntax.FunctionCallExpr, fn *functions.Function) bool {
	least, most, variadic := fn.Arity()
	switch {
	case len(x.Args) < least:
		c.fail(x.NameRange, "not enough function arguments", fmt.Sprintf("%s() takes %s.", x.Name, counted(least, most, variadic)))
	case len(x.Args) > most && !variadic:
		c.fail(x.Args[most].Range(), "too many function arguments", fmt.Sprintf("%s() takes %s.", x.Name, counted(least, most, false)))
	default:
		return true
	}
	return false
}

func counted(least, most int, variadic bool) string {
	switch {
	case variadic:
		return fmt.Sprintf("at least %d", least)
	case least < most:
		return fmt.Sprintf("%d or %d", least, most)
	case least == 1:
		return "one"
	}
	return fmt.Sprint(least)
}

// callChecker checks the arguments of a call for package functions.
type callChecker struct{ c *rowCompiler }

// Fail reports a problem.
func (k callChecker) Fail(at hcl.Range, summary, detail string) { k.c.fail(at, summary, detail) }

// Boolean reports a node that is neither true nor false.
func (k callChecker) Boolean(n *eval.Node) bool { return k.c.boolean(n) }

// Comparable reports nodes that have no values in common.
func (k callChecker) Comparable(left, right *eval.Node) bool { return k.c.comparable(left, right) }
