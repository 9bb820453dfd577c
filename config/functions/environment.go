package functions

import (
	"strconv"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Environment is what env() and file() read.
type Environment struct {
	Env     func(name string) (string, bool)
	File    func(path string) (string, error) // its error continues the sentence "the file X"
	Offline bool                              // what is missing is unknown, and no error
	Secret  func(text string)                 // is called with every text that was read
}

func envFunc(e Environment) function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String, AllowMarked: true}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String, AllowNull: true, AllowMarked: true, AllowUnknown: true},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 2 {
				return cty.NilVal, function.NewArgErrorf(2, "env() takes a name and one default")
			}
			name, shown := named(args[0])
			if v, ok := e.Env(name); ok {
				e.Secret(v)
				return cty.StringVal(v).Mark(Tainted{}), nil
			}
			if len(args) == 2 {
				return args[1].Mark(Tainted{}), nil
			}
			if e.Offline {
				return cty.UnknownVal(cty.String).Mark(Tainted{}), nil
			}
			return cty.NilVal, function.NewArgErrorf(0, "the environment variable %s is not set", shown)
		},
	})
}

func fileFunc(e Environment) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String, AllowMarked: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path, shown := named(args[0])
			text, err := e.File(path)
			if err != nil && e.Offline {
				return cty.UnknownVal(cty.String).Mark(Tainted{}), nil
			}
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(0, "the file %s %w", shown, err)
			}
			e.Secret(text)
			return cty.StringVal(text).Mark(Tainted{}), nil
		},
	})
}

// named is the text of an argument, and how an error shows it: not at all when it comes from env() or file() itself.
func named(v cty.Value) (name, shown string) {
	v, marks := v.Unmark()
	if len(marks) > 0 {
		return v.AsString(), "that is named here"
	}
	return v.AsString(), strconv.Quote(v.AsString())
}
