package functions

import (
	"fmt"

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

// fits reports an argument that is never what a parameter takes.
func (p param) fits(k Checker, n *eval.Node) bool {
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
