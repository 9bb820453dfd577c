// Package functions are the functions of expressions: HCL's own, those that its users know from other tools, and env() and file(),
// whose values no message may quote.
package functions

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Tainted marks a value that came from env() or file(). Every operation and function keeps the mark, so that an error about such a
// value can be recognized.
type Tainted struct{}

// stdFunctions are HCL's usual functions; none of them reads anything outside of its arguments.
var stdFunctions = map[string]function.Function{
	"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "chomp": stdlib.ChompFunc, "chunklist": stdlib.ChunklistFunc,
	"coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc,
	"concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "csvdecode": stdlib.CSVDecodeFunc,
	"distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
	"floor": stdlib.FloorFunc, "format": stdlib.FormatFunc, "formatdate": stdlib.FormatDateFunc,
	"formatlist": stdlib.FormatListFunc, "indent": stdlib.IndentFunc, "int": stdlib.IntFunc, "join": stdlib.JoinFunc,
	"jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc, "keys": stdlib.KeysFunc,
	"length": stdlib.LengthFunc, "log": stdlib.LogFunc, "lookup": stdlib.LookupFunc, "lower": stdlib.LowerFunc,
	"max": stdlib.MaxFunc, "merge": stdlib.MergeFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc,
	"pow": stdlib.PowFunc, "range": stdlib.RangeFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
	"regexreplace": stdlib.RegexReplaceFunc, "replace": stdlib.ReplaceFunc, "reverse": stdlib.ReverseListFunc,
	"setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc,
	"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "signum": stdlib.SignumFunc,
	"slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "split": stdlib.SplitFunc, "strlen": stdlib.StrlenFunc,
	"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "timeadd": stdlib.TimeAddFunc,
	"title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
	"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,
	"values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
}

// All are what an expression may call: HCL's usual functions, and those that need the environment.
func All(e Environment) map[string]function.Function {
	all := Pure()
	for name, f := range all {
		if name != "try" && name != "can" {
			all[name] = discreet(f)
		}
	}
	all["env"], all["file"] = envFunc(e), fileFunc(e)
	return all
}

// Pure are the functions that read nothing outside of their arguments.
func Pure() map[string]function.Function {
	all := map[string]function.Function{"try": tryfunc.TryFunc, "can": tryfunc.CanFunc, "hmac": hmacFunc}
	maps.Copy(all, stdFunctions)
	maps.Copy(all, textFunctions)
	return all
}

// discreet wraps a function so that an error about a tainted argument does not quote it.
func discreet(f function.Function) function.Function {
	spec := &function.Spec{
		Type: func(args []cty.Value) (cty.Type, error) {
			t, err := f.ReturnTypeForValues(args)
			return t, hide(args, err)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			return v, hide(args, err)
		},
	}
	for _, p := range f.Params() {
		spec.Params = append(spec.Params, open(p))
	}
	if p := f.VarParam(); p != nil {
		o := open(*p)
		spec.VarParam = &o
	}
	return function.New(spec)
}

// open is a parameter without checks: the wrapped function handles null, unknown and marked values.
func open(p function.Parameter) function.Parameter {
	p.AllowNull, p.AllowUnknown, p.AllowDynamicType, p.AllowMarked = true, true, true, true
	return p
}

func hide(args []cty.Value, err error) error {
	if err == nil {
		return nil
	}
	var panicked function.PanicError
	if errors.As(err, &panicked) {
		err = errors.New("the arguments do not fit")
	}
	for _, a := range args {
		if a.ContainsMarked() {
			hiddenErr := errors.New("the value does not fit; it comes from env() or file() and is not shown")
			if arg, ok := err.(function.ArgError); ok { //nolint:errorlint // HCL checks the type as well
				return function.NewArgError(arg.Index, hiddenErr)
			}
			return hiddenErr
		}
	}
	return err
}

// hmacFunc is HMAC-SHA256 in lower-case hex.
var hmacFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.String}, {Name: "key", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		h := hmac.New(sha256.New, []byte(args[1].AsString()))
		h.Write([]byte(args[0].AsString()))
		return cty.StringVal(hex.EncodeToString(h.Sum(nil))), nil
	},
})
