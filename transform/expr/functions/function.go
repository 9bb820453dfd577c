// Package functions has the functions that an expression can call on values of a row. Their names and results are those of HCL's
// functions; with null they give null, and what they take of memory and time is counted in the Frame.
package functions

import (
	"maps"
	"slices"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// Function is a function over the values of a row. A null argument gives null, but for anyParam.
type Function struct {
	params   []param
	optional int   // how many of the last parameters may be left out
	rest     param // of further arguments
	variadic bool
	result   func(*Call) *eval.Type
	prepare  func(Checker, *Call) bool // checks the call and fills its state; nil: nothing to do. It reports problems
	call     func(*eval.Frame, *Call, []eval.Value) eval.Value
}

// returns is the result of a function that always has one type.
func returns(t *eval.Type) func(*Call) *eval.Type { return func(*Call) *eval.Type { return t } }

// Names returns the names of all functions, in no order.
func Names() []string { return slices.Collect(maps.Keys(all)) }

// Get returns the function of a name; nil: there is none.
func Get(name string) *Function {
	if fn, ok := all[name]; ok {
		return &fn
	}
	return nil
}

// all are the functions over the values of a row. Others take what is known when the file is read.
var all = merged(textFunctions, numberFunctions, collectionFunctions, hashFunctions, timeFunctions, patternFunctions)

func merged(all ...map[string]Function) map[string]Function {
	merged := map[string]Function{}
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
}

func (fn *Function) param(i int) param {
	if i < len(fn.params) {
		return fn.params[i]
	}
	return fn.rest
}

// Arity returns how many arguments the function takes. A variadic one takes any number from least on.
func (fn *Function) Arity() (least, most int, variadic bool) {
	return len(fn.params) - fn.optional, len(fn.params), fn.variadic
}
