package shape

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture"
)

// Value returns a value of a test file as the stream carries it: with the text that Postgres prints for the type.
func Value(typ *capture.Type, modifier int32, v cty.Value) (capture.Value, error) {
	if v.IsNull() {
		return capture.Value{Kind: capture.Null}, nil
	}
	text, err := textOf(typ, modifier, v)
	if err != nil {
		return capture.Value{}, err
	}
	return capture.Value{Kind: capture.Text, Bytes: []byte(text)}, nil
}

// textOf returns the text of a value that is not null.
func textOf(typ *capture.Type, modifier int32, v cty.Value) (string, error) {
	if u := typ.User; u != nil && u.Kind == capture.UserDomain {
		return textOf(u.Base, u.Modifier, v)
	}
	switch typ.Kind {
	case capture.KindBool:
		return boolText(v)
	case capture.KindInt:
		return intText(typ, v)
	case capture.KindFloat:
		return floatText(typ, v)
	case capture.KindNumeric:
		return numericText(modifier, v)
	case capture.KindBytes:
		return bytesText(v)
	case capture.KindJSON:
		return jsonText(typ, v)
	case capture.KindDate, capture.KindTimestamp, capture.KindTimestampTZ:
		return timeText(typ, v)
	case capture.KindHstore:
		return hstoreText(v)
	case capture.KindArray:
		return arrayText(typ, modifier, v)
	case capture.KindComposite:
		return compositeText(typ, v)
	}
	return plainText(typ, modifier, v)
}

// mismatch is the problem of a value that the type cannot have.
func mismatch(typ *capture.Type, v cty.Value, write string) error {
	return &Problem{Summary: fmt.Sprintf("%s cannot be a value of type %s", describe(v), typ), Detail: write}
}

// describe names a value without quoting a long one.
func describe(v cty.Value) string {
	switch {
	case v.Type() == cty.String && len(v.AsString()) <= 40:
		return strconv.Quote(v.AsString())
	case v.Type() == cty.String:
		return "this text"
	case v.Type() == cty.Number:
		return "the number " + decimal(v.AsBigFloat())
	case v.Type() == cty.Bool:
		return strconv.FormatBool(v.True())
	case v.Type().IsObjectType() || v.Type().IsMapType():
		return "an object"
	}
	return "a list"
}

// decimal returns all digits of a number, without an exponent.
func decimal(f *big.Float) string { return f.Text('f', -1) }

func boolText(v cty.Value) (string, error) {
	if v.Type() == cty.Bool {
		return map[bool]string{true: "t", false: "f"}[v.True()], nil
	}
	return "", mismatch(&capture.Type{Name: "bool"}, v, "Write true or false.")
}

var intBits = map[string]int{"int2": 16, "int4": 32, "int8": 64}

func intText(typ *capture.Type, v cty.Value) (string, error) {
	digits := ""
	switch v.Type() {
	case cty.Number:
		digits = decimal(v.AsBigFloat())
	case cty.String:
		digits = v.AsString()
	}
	n, err := strconv.ParseInt(digits, 10, intBits[typ.Name])
	if err != nil {
		return "", mismatch(typ, v, "Write a whole number that the type can hold.")
	}
	return strconv.FormatInt(n, 10), nil
}

// floatText returns the shortest text that gives the number, as Postgres does.
func floatText(typ *capture.Type, v cty.Value) (string, error) {
	bits, most := 64, 15 // the exponent from which Postgres writes one: DBL_DIG, FLT_DIG
	if typ.Name == "float4" {
		bits, most = 32, 6
	}
	var f float64
	switch {
	case v.Type() == cty.Number:
		f, _ = v.AsBigFloat().Float64()
	case v.Type() == cty.String && (v.AsString() == "NaN" || v.AsString() == "Infinity" || v.AsString() == "-Infinity"):
		return v.AsString(), nil
	default:
		return "", mismatch(typ, v, `Write a number, or "NaN", "Infinity" or "-Infinity".`)
	}
	scientific := strconv.FormatFloat(f, 'e', -1, bits)
	_, exponent, _ := strings.Cut(scientific, "e")
	if x, _ := strconv.Atoi(exponent); x < -4 || x >= most {
		return scientific, nil
	}
	return strconv.FormatFloat(f, 'f', -1, bits), nil
}

// numericText returns all digits, with the scale of the column.
func numericText(modifier int32, v cty.Value) (string, error) {
	numeric := &capture.Type{Name: "numeric"}
	text := ""
	switch v.Type() {
	case cty.Number:
		text = decimal(v.AsBigFloat())
	case cty.String:
		if text = v.AsString(); text == "NaN" || text == "Infinity" || text == "-Infinity" {
			return text, nil
		}
	}
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" || strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0123456789") != "" {
		return "", mismatch(numeric, v, `Write a number, or its digits in quotes to keep trailing zeros: "12.50".`)
	}
	if modifier < varHeader {
		return text, nil
	}
	scale := max(0, scaleOf(modifier))
	if len(strings.TrimRight(fraction, "0")) > scale {
		return "", mismatch(numeric, v, fmt.Sprintf("The column keeps %d digits after the point.", scale))
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, fraction), ".")
	if scale == 0 {
		return text, nil
	}
	return text + "." + (fraction + strings.Repeat("0", scale))[:scale], nil
}

// plainText is the text of a type whose values are strings in JSON.
func plainText(typ *capture.Type, modifier int32, v cty.Value) (string, error) {
	if typ.Name == "oid" && v.Type() == cty.Number {
		return intText(&capture.Type{Name: "int8"}, v)
	}
	if v.Type() != cty.String {
		return "", mismatch(typ, v, "Write a string in double quotes, as Postgres prints the value.")
	}
	text := v.AsString()
	if u := typ.User; u != nil && u.Kind == capture.UserEnum && !slices.Contains(u.Labels, text) {
		return "", mismatch(typ, v, fmt.Sprintf("Its labels are %q.", u.Labels))
	}
	if modifier < varHeader || typ.Name != "varchar" && typ.Name != "bpchar" {
		return text, nil
	}
	most := int(modifier - varHeader)
	missing := most - len([]rune(text))
	if missing < 0 {
		return "", mismatch(typ, v, fmt.Sprintf("The column keeps %d characters.", most))
	}
	if typ.Name == "bpchar" {
		text += strings.Repeat(" ", missing)
	}
	return text, nil
}
