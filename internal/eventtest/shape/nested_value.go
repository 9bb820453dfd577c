package shape

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/tailrace/tailrace/capture"
)

func bytesText(v cty.Value) (string, error) {
	if v.Type() == cty.String {
		if digits, ok := strings.CutPrefix(v.AsString(), `\x`); ok {
			if _, err := hex.DecodeString(digits); err == nil {
				return `\x` + strings.ToLower(digits), nil
			}
		}
	}
	return "", mismatch(&capture.Type{Name: "bytea"}, v, `Write the bytes in hex: "\\x00ff".`)
}

// jsonText returns a document: a string is its text, anything else the value itself.
func jsonText(typ *capture.Type, v cty.Value) (string, error) {
	text := ""
	if v.Type() == cty.String {
		if text = v.AsString(); !json.Valid([]byte(text)) {
			return "", mismatch(typ, v, "A string is the text of the document. Write an object or a list, or jsonencode(...) for a string in it.")
		}
	} else {
		doc, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			return "", mismatch(typ, v, "Write an object, a list, or the text of the document.")
		}
		text = string(doc)
	}
	if typ.Name != "jsonb" {
		return text, nil
	}
	return normalized(text)
}

// normalized returns a document as Postgres prints a jsonb: with spaces after commas and colons, and keys by length, then by bytes.
func normalized(text string) (string, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("read JSON: %w", err)
	}
	var b strings.Builder
	writeJSONB(&b, v)
	return b.String(), nil
}

func writeJSONB(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.SortedFunc(maps.Keys(v), func(x, y string) int {
			if n := len(x) - len(y); n != 0 {
				return n
			}
			return strings.Compare(x, y)
		})
		b.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				b.WriteString(", ")
			}
			writeScalar(b, k)
			b.WriteString(": ")
			writeJSONB(b, v[k])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJSONB(b, e)
		}
		b.WriteByte(']')
	default:
		writeScalar(b, v)
	}
}

// writeScalar writes a string, a number, a bool or null.
func writeScalar(b *strings.Builder, v any) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	b.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
}

func hstoreText(v cty.Value) (string, error) {
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return "", mismatch(&capture.Type{Name: "hstore"}, v, `Write an object of strings: { color = "red" }.`)
	}
	var pairs []string
	all := v.AsValueMap()
	for _, k := range slices.Sorted(maps.Keys(all)) {
		e := all[k]
		switch {
		case e.IsNull():
			pairs = append(pairs, hstoreQuote(k)+"=>NULL")
		case e.Type() == cty.String:
			pairs = append(pairs, hstoreQuote(k)+"=>"+hstoreQuote(e.AsString()))
		default:
			return "", mismatch(&capture.Type{Name: "hstore"}, e, "The values of an hstore are strings.")
		}
	}
	return strings.Join(pairs, ", "), nil
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func hstoreQuote(s string) string { return `"` + escapes.Replace(s) + `"` }

// arrayText returns a list, which may be nested, as {1,NULL,"a b"}.
func arrayText(typ *capture.Type, modifier int32, v cty.Value) (string, error) {
	t := v.Type()
	if !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		return "", mismatch(typ, v, "Write a list in brackets.")
	}
	var parts []string
	for _, e := range v.AsValueSlice() {
		switch et := e.Type(); {
		case e.IsNull():
			parts = append(parts, "NULL")
		case typ.Elem.Kind != capture.KindJSON && (et.IsTupleType() || et.IsListType()):
			text, err := arrayText(typ, modifier, e)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		default:
			text, err := textOf(typ.Elem, modifier, e)
			if err != nil {
				return "", err
			}
			parts = append(parts, arrayQuote(text))
		}
	}
	return "{" + strings.Join(parts, ",") + "}", nil
}

// arrayQuote quotes an element where Postgres does.
func arrayQuote(s string) string {
	if s == "" || strings.EqualFold(s, "null") || strings.ContainsAny(s, "{}\",\\ \t\n\r\v\f") {
		return `"` + escapes.Replace(s) + `"`
	}
	return s
}

// compositeText returns an object as (a,"b c",). Attributes that it lacks are null.
func compositeText(typ *capture.Type, v cty.Value) (string, error) {
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return "", mismatch(typ, v, "Write an object with the attributes of the type.")
	}
	given := v.AsValueMap()
	var parts []string
	for _, f := range typ.Fields {
		e, ok := given[f.Name]
		delete(given, f.Name)
		if !ok || e.IsNull() {
			parts = append(parts, "")
			continue
		}
		text, err := textOf(f.Type, f.Modifier, e)
		if err != nil {
			return "", err
		}
		parts = append(parts, compositeQuote(text))
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		return "", &Problem{Summary: fmt.Sprintf("%s has no attribute %q", typ, name), Detail: "Write the attributes that its type block declares."}
	}
	return "(" + strings.Join(parts, ",") + ")", nil
}

// compositeQuote quotes an attribute where Postgres does: a quote inside is written twice.
func compositeQuote(s string) string {
	if s == "" || strings.ContainsAny(s, "(),\"\\ \t\n\r\v\f") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `""`).Replace(s) + `"`
	}
	return s
}
