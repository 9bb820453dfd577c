package functions

import (
	"crypto/md5"  //nolint:gosec // it is no signature
	"crypto/sha1" //nolint:gosec // it is no signature
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// textFunctions are functions that HCL's library lacks and that its users know from other tools.
var textFunctions = map[string]function.Function{
	"base64decode": textFunc(func(s string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil || !utf8.Valid(b) {
			return "", errors.New("this is not the base64 of a text")
		}
		return string(b), nil
	}, "text"),
	"base64encode": textFunc(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }, "text"),
	"endswith":     testFunc(strings.HasSuffix, "suffix"),
	"md5": textFunc(func(s string) (string, error) {
		sum := md5.Sum([]byte(s)) //nolint:gosec // it is no signature
		return hex.EncodeToString(sum[:]), nil
	}, "text"),
	"sha1": textFunc(func(s string) (string, error) {
		sum := sha1.Sum([]byte(s)) //nolint:gosec // it is no signature
		return hex.EncodeToString(sum[:]), nil
	}, "text"),
	"sha256": textFunc(func(s string) (string, error) {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	}, "text"),
	"sha512": textFunc(func(s string) (string, error) {
		sum := sha512.Sum512([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	}, "text"),
	"startswith":  testFunc(strings.HasPrefix, "prefix"),
	"strcontains": testFunc(strings.Contains, "part"),
	"tobool":      stdlib.MakeToFunc(cty.Bool),
	"tonumber":    stdlib.MakeToFunc(cty.Number),
	"tostring":    stdlib.MakeToFunc(cty.String),
}

func textFunc(do func(string) (string, error), param string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: param, Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := do(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return cty.StringVal(s), nil
		},
	})
}

func testFunc(do func(s, part string) bool, param string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: param, Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(do(args[0].AsString(), args[1].AsString())), nil
		},
	})
}
