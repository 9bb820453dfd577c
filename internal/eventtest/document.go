package eventtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// A document is a JSON value as json.Decoder gives it with UseNumber: nil, bool, json.Number, string, []any or map[string]any.

// parse returns the document of a JSON text; ok is false for a text that is none.
func parse(text []byte) (doc any, ok bool) {
	if !utf8.Valid(text) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&doc) != nil || d.More() {
		return nil, false
	}
	return doc, true
}

// textOrDocument returns the document of a JSON text, the text itself as a string, and nil for a null value.
func textOrDocument(text []byte) any {
	if text == nil {
		return nil
	}
	if doc, ok := parse(text); ok {
		return doc
	}
	return string(text)
}

// textOrNull returns a text as a string, and nil for a null value.
func textOrNull(text []byte) any {
	if text == nil {
		return nil
	}
	return string(text)
}

// documentOf returns a value of a test file.
func documentOf(v cty.Value) (any, error) {
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return nil, fmt.Errorf("write as JSON: %w", err)
	}
	doc, ok := parse(text)
	if !ok {
		return nil, fmt.Errorf("%.40s is not JSON", text)
	}
	return doc, nil
}

// align returns want with the digits of got where both have the same number: 12.5 and 12.50 are equal.
func align(want, got any) any {
	switch w := want.(type) {
	case json.Number:
		if g, is := got.(json.Number); is && equalNumbers(w, g) {
			return g
		}
	case []any:
		g, is := got.([]any)
		aligned := slices.Clone(w)
		for i := range min(len(w), len(g)) {
			aligned[i] = align(w[i], g[i])
		}
		if is {
			return aligned
		}
	case map[string]any:
		g, _ := got.(map[string]any)
		aligned := maps.Clone(w)
		for name, v := range w {
			aligned[name] = align(v, g[name])
		}
		return aligned
	}
	return want
}

// equalNumbers compares two numbers with more digits than any value of a test has.
func equalNumbers(a, b json.Number) bool {
	x, _, errX := big.ParseFloat(string(a), 10, 2048, big.ToNearestEven)
	y, _, errY := big.ParseFloat(string(b), 10, 2048, big.ToNearestEven)
	return errX == nil && errY == nil && x.Cmp(y) == 0
}

// compact returns a document without spaces, with the names of objects in order.
func compact(doc any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(doc) // of a document
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// lines returns a document as indented lines, with the names of objects in order.
func lines(doc any) []string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(doc) // of a document
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
