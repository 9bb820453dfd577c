package functions

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// Call is one call of a function. The compiler fills it: Check needs Args, and what follows needs Items, too.
type Call struct {
	Function *Function
	At       hcl.Range
	Args     []*eval.Node
	Items    []*eval.Type // the types of the elements of arguments that are lists or objects
	state    any          // what the function keeps between rows
}

// Checker is the compiler of the expression that has the call. Each method reports a problem at a node.
type Checker interface {
	Fail(at hcl.Range, summary, detail string)
	Boolean(n *eval.Node) bool              // reports a node that is never true or false
	Comparable(left, right *eval.Node) bool // reports nodes that have no values in common
}

// Check reports whether the function takes such arguments, and a problem where it does not.
func (s *Call) Check(k Checker) bool {
	for i, a := range s.Args {
		if !s.Function.param(i).fits(k, a) {
			return false
		}
	}
	return true
}

// Complete checks what depends on more than the types of single arguments, such as a format, and prepares the call.
func (s *Call) Complete(k Checker) bool {
	return s.Function.prepare == nil || s.Function.prepare(k, s)
}

// Type returns the type of the result.
func (s *Call) Type() *eval.Type { return s.Function.result(s) }

// Eval evaluates the arguments, which are on the frame's stack while the function runs, and calls it.
func (s *Call) Eval(f *eval.Frame) eval.Value {
	fn := s.Function
	base := len(f.Stack)
	for i, a := range s.Args {
		v := argument(f, a.Eval(f), fn.param(i), a)
		if v.Kind == eval.Failed || v.Kind == eval.NullKind && fn.param(i) != anyParam {
			f.Stack = f.Stack[:base]
			return v
		}
		f.Stack = append(f.Stack, v)
	}
	v := eval.Value{Kind: eval.Failed}
	if f.Spend(32) {
		v = fn.call(f, s, f.Stack[base:])
	}
	f.Stack = f.Stack[:base]
	if f.Err != nil {
		return eval.Value{Kind: eval.Failed}
	}
	return v
}

// argument converts an argument to what the parameter takes.
func argument(f *eval.Frame, v eval.Value, p param, at *eval.Node) eval.Value {
	if v.Kind == eval.NullKind || v.Kind == eval.Failed {
		return v
	}
	switch k := v.Class(); {
	case p == anyParam:
		return v
	case p == textParam && k != eval.ListClass && k != eval.ObjectClass:
		if v = f.Text(v); len(v.Bytes) > 0 && !f.Spend(len(v.Bytes)) {
			return eval.Value{Kind: eval.Failed}
		}
		return v
	case p == numberParam:
		return f.Number(v, at)
	case p == listParam && k == eval.ListClass, p == objectParam && k == eval.ObjectClass,
		p == collectionParam && (k == eval.ListClass || k == eval.ObjectClass):
		return v
	case p == timeParam && (k == eval.TextClass || k == eval.TimeClass):
		if _, ok := v.Micros(); ok {
			return v
		}
	}
	return f.Fail(at.At, fmt.Sprintf("this is not %s", p))
}
