package expr

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// param is what a parameter of a function takes.
type param uint8

const (
	anyParam    param = iota // also null
	textParam                // a scalar, as its text
	numberParam              // a number, or a text that is one
	listParam
	objectParam
	collectionParam // a list or an object
	timeParam       // a time, or a text that is one
)

// String returns what a diagnostic says that the function needs.
func (p param) String() string {
	return [...]string{"a value", "a text", "a number", "a list", "an object", "a list or an object", "a time"}[p]
}

// site is one call of a function.
type site struct {
	function *function
	at       hcl.Range
	args     []*eval.Node
	items    []*eval.Type // the types of the elements of arguments that are lists or objects
	state    any          // what the function keeps between rows
}

// checker is the compiler of the expression that has the call. Each method reports a problem at a node.
type checker interface {
	Fail(at hcl.Range, summary, detail string)
	Boolean(n *eval.Node) bool              // reports a node that is never true or false
	Comparable(left, right *eval.Node) bool // reports nodes that have no values in common
}

// function is a function over the values of a row. A null argument gives null, but for anyParam.
type function struct {
	params   []param
	optional int   // how many of the last parameters may be left out
	rest     param // of further arguments
	variadic bool
	result   func(*site) *eval.Type
	prepare  func(checker, *site) bool // checks the call and fills its state; nil: nothing to do. It reports problems
	call     func(*eval.Frame, *site, []eval.Value) eval.Value
}

func returns(t *eval.Type) func(*site) *eval.Type { return func(*site) *eval.Type { return t } }

// functionNames returns the names of all functions, in no order.
func functionNames() []string { return slices.Collect(maps.Keys(rowFunctions)) }

// functionOf returns the function of a name; nil: there is none.
func functionOf(name string) *function {
	if fn, ok := rowFunctions[name]; ok {
		return &fn
	}
	return nil
}

// rowFunctions are the functions over the values of a row. Others take what is known when the file is read.
var rowFunctions = mergeFunctions(textFunctions, numberFunctions, collectionFunctions, hashFunctions, timeFunctions, patternFunctions)

func mergeFunctions(all ...map[string]function) map[string]function {
	merged := map[string]function{}
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
}

func (fn *function) param(i int) param {
	if i < len(fn.params) {
		return fn.params[i]
	}
	return fn.rest
}

// arity returns how many arguments the function takes. A variadic one takes any number from least on.
func (fn *function) arity() (least, most int, variadic bool) {
	return len(fn.params) - fn.optional, len(fn.params), fn.variadic
}

// fits reports an argument that is never what a parameter takes.
func (p param) fits(k checker, n *eval.Node) bool {
	class := n.Type.Class
	ok := class == eval.AnyClass || class == eval.NullClass || n.Type.Nested
	switch p {
	case anyParam:
		ok = true
	case textParam:
		ok = ok || class != eval.ListClass && class != eval.ObjectClass
	case numberParam:
		ok = ok || class == eval.NumberClass || class == eval.TextClass && n.IsConstant()
	case listParam:
		ok = ok || class == eval.ListClass
	case objectParam:
		ok = ok || class == eval.ObjectClass
	case collectionParam:
		ok = ok || class == eval.ListClass || class == eval.ObjectClass
	case timeParam:
		ok = ok || class == eval.TimeClass || class == eval.TextClass
	}
	if !ok {
		detail := n.Sentence() + "."
		switch {
		case p == numberParam && class == eval.TextClass:
			detail += " Convert it with tonumber(...)."
		case p == listParam && class == eval.TextClass || p == collectionParam && class == eval.TextClass:
			detail += " For texts there are strlen, strcontains, startswith and endswith."
		}
		k.Fail(n.At, fmt.Sprintf("this needs %s", p), detail)
	}
	return ok
}

// check reports arguments that are never what the function takes.
func (s *site) check(k checker) bool {
	for i, a := range s.args {
		if !s.function.param(i).fits(k, a) {
			return false
		}
	}
	return true
}

// complete checks what depends on more than the types of single arguments, after items is set.
func (s *site) complete(k checker) bool {
	return s.function.prepare == nil || s.function.prepare(k, s)
}

// typ returns the type of the result.
func (s *site) typ() *eval.Type { return s.function.result(s) }

// eval evaluates the arguments, which are on the frame's stack while the function runs, and calls it.
func (s *site) eval(f *eval.Frame) eval.Value {
	fn := s.function
	base := len(f.Stack)
	for i, a := range s.args {
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
