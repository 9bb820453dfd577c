package expr

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/transform/expr/decimal"
)

// fromCty returns a constant of HCL's evaluator as a value; false when it has no such form.
func fromCty(v cty.Value) (val, bool) {
	t := v.Type()
	switch {
	case !v.IsKnown():
		return val{}, false
	case v.IsNull():
		return val{}, true
	case t == cty.String:
		return textVal([]byte(v.AsString())), true
	case t == cty.Bool:
		return boolVal(v.True()), true
	case t == cty.Number:
		return fromCtyNumber(v)
	case t.IsListType() || t.IsTupleType() || t.IsSetType():
		list := []val{}
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			r, ok := fromCty(e)
			if !ok {
				return val{}, false
			}
			list = append(list, r)
		}
		return listVal(list), true
	case t.IsMapType() || t.IsObjectType():
		o := &box{list: []val{}}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			r, ok := fromCty(e)
			if !ok {
				return val{}, false
			}
			o.keys, o.list = append(o.keys, []byte(k.AsString())), append(o.list, r)
		}
		return val{kind: objectKind, p: o}, true
	}
	return val{}, false
}

// fromCtyNumber returns the decimal number that HCL has read: its 512 bits are enough to find the digits again.
func fromCtyNumber(v cty.Value) (val, bool) {
	if hugeNumber(v) || v.AsBigFloat().IsInf() {
		return val{}, false
	}
	n, ok := decimal.Parse([]byte(v.AsBigFloat().Text('f', -1)))
	return numVal(n, 0), ok
}
