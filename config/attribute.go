package config

import (
	"fmt"
	"math/big"
	"reflect"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// decodeAttribute puts an attribute's value into a field. set is false for null, which leaves the field at its default.
// known is false when the value is a placeholder of an offline check, or was reported.
func (l *loader) decodeAttribute(a *hclsyntax.Attribute, f field, v reflect.Value) (set, known bool) {
	if f.typ == expressionType {
		e, known := l.keep(a.Expr)
		if e != nil {
			v.Set(reflect.ValueOf(e))
		}
		return e != nil, known
	}
	if f.typ == credentialType { // as a Secret, so that an error is reported now
		var now Secret
		set, known = l.decodeAttribute(a, field{name: f.name, typ: secretType}, reflect.ValueOf(&now).Elem())
		if set {
			v.Set(reflect.ValueOf(l.credential(a)))
		}
		return set, known
	}
	value, taint, ok := l.evaluate(a.Expr)
	if !ok || !value.IsWhollyKnown() {
		return false, false
	}
	if value.IsNull() {
		return false, true
	}
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		v.Set(p)
		v = p.Elem()
	}
	l.addSecrets(value, taint)
	if fault := store(value, v); fault != "" {
		l.report.append(problem(a.Expr.Range(), fmt.Sprintf("%s is not %s", a.Name, fault), expected(v.Type())))
		return false, false
	}
	if v.Type() == secretType {
		l.report.secrets.AddTyped(v.String())
	}
	return true, true
}

// store converts a value into a field; it returns what was expected instead, or "".
func store(value cty.Value, v reflect.Value) string {
	switch v.Type() {
	case durationType, sizeType:
		return storeUnit(value, v)
	}
	switch v.Kind() {
	case reflect.String:
		s, err := convert.Convert(value, cty.String)
		if err != nil {
			return "a text"
		}
		v.SetString(s.AsString())
	case reflect.Bool:
		b, err := convert.Convert(value, cty.Bool)
		if err != nil {
			return "true or false"
		}
		v.SetBool(b.True())
	case reflect.Int, reflect.Int64:
		n, err := convert.Convert(value, cty.Number)
		if err != nil {
			return "a number"
		}
		whole, acc := n.AsBigFloat().Int64()
		if acc != big.Exact || v.OverflowInt(whole) {
			return "a whole number of at most 64 bits"
		}
		v.SetInt(whole)
	case reflect.Float64:
		n, err := convert.Convert(value, cty.Number)
		if err != nil {
			return "a number"
		}
		x, _ := n.AsBigFloat().Float64()
		v.SetFloat(x)
	case reflect.Slice:
		return storeList(value, v)
	case reflect.Map:
		return storeMap(value, v)
	}
	return ""
}

func storeList(value cty.Value, v reflect.Value) string {
	if v.Type() == textsType && value.Type().IsPrimitiveType() {
		value = cty.TupleVal([]cty.Value{value})
	}
	list, err := convert.Convert(value, cty.List(cty.String))
	if err != nil || value.Type().IsSetType() {
		return "a list of texts"
	}
	out := reflect.MakeSlice(v.Type(), 0, list.LengthInt())
	for _, e := range list.AsValueSlice() {
		if e.IsNull() {
			return "a list of texts: one is null"
		}
		out = reflect.Append(out, reflect.ValueOf(e.AsString()).Convert(v.Type().Elem()))
	}
	v.Set(out)
	return ""
}

func storeMap(value cty.Value, v reflect.Value) string {
	m, err := convert.Convert(value, cty.Map(cty.String))
	if err != nil {
		return "a map of texts"
	}
	out := reflect.MakeMap(v.Type())
	for k, e := range m.AsValueMap() {
		if e.IsNull() {
			return "a map of texts: one is null"
		}
		out.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), reflect.ValueOf(e.AsString()).Convert(v.Type().Elem()))
	}
	v.Set(out)
	return ""
}

func storeUnit(value cty.Value, v reflect.Value) string {
	what, isNumber := "a duration", value.Type() == cty.Number
	if v.Type() == sizeType {
		what = "a size"
	} else if isNumber {
		return what // without a unit it could be anything
	}
	s, err := convert.Convert(value, cty.String)
	if err != nil {
		return what
	}
	var n int64
	if v.Type() == sizeType {
		var size Size
		size, err = ParseSize(s.AsString())
		n = int64(size)
	} else {
		var d Duration
		d, err = ParseDuration(s.AsString())
		n = int64(d)
	}
	if err != nil {
		return what + why(err, what)
	}
	v.SetInt(n)
	return ""
}

// why returns what a parse error tells besides that it is one.
func why(err error, what string) string {
	if err.Error() == "not "+what {
		return ""
	}
	return ": " + err.Error()
}

// expected shows how a value of a type is written.
func expected(t reflect.Type) string {
	switch t {
	case durationType:
		return `Write a duration such as "30s", "5m", "7d", or "never".`
	case sizeType:
		return `Write a size such as "64MiB", "1GiB", "10MB", or a number of bytes.`
	case textsType:
		return `Write a text such as "public.orders", or a list such as ["public.orders", "public.customers"].`
	}
	switch t.Kind() {
	case reflect.Bool:
		return "Write true or false."
	case reflect.Slice:
		return `Write a list such as ["public.orders", "public.customers"].`
	case reflect.Map:
		return `Write a map such as { "cleanup.policy" = "compact" }.`
	case reflect.String:
		return `Write a string in double quotes.`
	}
	return "Write a number such as 4."
}
