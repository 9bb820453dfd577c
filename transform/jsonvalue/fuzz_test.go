package jsonvalue_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// Every type converts any text to one valid JSON value on one line, appends it to the existing bytes, and leaves the text
// unchanged; strings decode to the original text.
func FuzzValues(f *testing.F) {
	for _, v := range values {
		f.Add([]byte(v.text))
	}
	types := jsonvalue.New(true)
	var all []jsonvalue.Appender
	for k := capture.KindText; k <= capture.KindHstore; k++ {
		all = append(all, types.Appender(of(k)), types.Appender(arrayOf(of(k))))
	}
	for _, t := range []*capture.Type{boxes, address, nested, single, none, arrayOf(nested), of(capture.KindArray)} {
		all = append(all, types.Appender(t))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		for i, appender := range all {
			got := appender([]byte("head"), text)
			value, ok := bytes.CutPrefix(got, []byte("head"))
			if !ok || !json.Valid(value) || bytes.ContainsAny(value, "\r\n") {
				t.Fatalf("appender %d of %q: %q", i, text, got)
			}
			if !bytes.Equal(text, before) {
				t.Fatalf("appender %d changed its text %q to %q", i, before, text)
			}
		}
		var back string
		if err := json.Unmarshal(jsonvalue.AppendString(nil, text), &back); err != nil || back != withReplacements(text) {
			t.Fatalf("%q read back as %q: %v", text, back, err)
		}
	})
}

// withReplacements returns text with U+FFFD in place of each byte that is not UTF-8.
func withReplacements(text []byte) string {
	var b strings.Builder
	for _, r := range string(text) {
		b.WriteRune(r)
	}
	return b.String()
}

// A document is embedded if and only if it is JSON.
func FuzzDocument(f *testing.F) {
	for _, v := range values {
		f.Add([]byte(v.text))
		f.Add([]byte(v.json))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 9_000 {
			return // the depths at which both give up differ
		}
		want := jsonvalue.AppendString(nil, text)
		valid := json.Valid(text) && withReplacements(text) == string(text)
		if valid {
			want = []byte(strings.NewReplacer("\n", " ", "\r", " ").Replace(string(text)))
		}
		if got := jsonvalue.AppendDocument(nil, text); !bytes.Equal(got, want) {
			t.Fatalf("%q: %q, want %q", text, got, want)
		}
		before := bytes.Clone(text)
		if got := jsonvalue.Valid(text); got != valid || !bytes.Equal(text, before) {
			t.Fatalf("%q: valid is %v, want %v", text, got, valid)
		}
	})
}
