package expr

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/transform/expr/decimal"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// fromCty returns a constant of HCL's evaluator as a value; false when it has no such form.
func fromCty(v cty.Value) (eval.Value, bool) {
	t := v.Type()
	switch {
	case !v.IsKnown():
		return eval.Value{}, false
	case v.IsNull():
		return eval.Value{}, true
	case t == cty.String:
		return eval.Text([]byte(v.AsString())), true
	case t == cty.Bool:
		return eval.Bool(v.True()), true
	case t == cty.Number:
		return fromCtyNumber(v)
	case t.IsListType() || t.IsTupleType() || t.IsSetType():
		list := []eval.Value{}
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			r, ok := fromCty(e)
			if !ok {
				return eval.Value{}, false
			}
			list = append(list, r)
		}
		return eval.List(list), true
	case t.IsMapType() || t.IsObjectType():
		o := &eval.Box{List: []eval.Value{}}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			r, ok := fromCty(e)
			if !ok {
				return eval.Value{}, false
			}
			o.Keys, o.List = append(o.Keys, []byte(k.AsString())), append(o.List, r)
		}
		return eval.Value{Kind: eval.ObjectKind, Box: o}, true
	}
	return eval.Value{}, false
}

// fromCtyNumber returns the decimal number that HCL has read: its 512 bits are enough to find the digits again.
func fromCtyNumber(v cty.Value) (eval.Value, bool) {
	if hugeNumber(v) || v.AsBigFloat().IsInf() {
		return eval.Value{}, false
	}
	n, ok := decimal.Parse([]byte(v.AsBigFloat().Text('f', -1)))
	return eval.Number(n, 0), ok
}
