package decode

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	large := `{"a":"` + strings.Repeat("x", maxAnnotations-8) + `"}` // exactly the limit
	for _, c := range []struct{ was, content, want, err string }{
		{"", `{}`, `{}`, ""},
		{`{"a":1}`, `{}`, `{"a":1}`, ""},
		{"", " {\n\t\"a\" : 1 ,\r\n \"b\":[ 1, {} ] } ", `{"a":1,"b":[1,{}]}`, ""},
		{"", `{"a":1,"a":2}`, `{"a":2}`, ""},
		{`{"a":1,"b":2}`, `{"a":null}`, `{"a":null,"b":2}`, ""},
		{`{"a":1}`, `{"\u0061":2}`, `{"\u0061":2}`, ""},
		{`{"a":{"x":1}}`, `{"a":{"y":2}}`, `{"a":{"y":2}}`, ""},
		{"", `{"n":123456789012345678901234567890.5e-3}`, `{"n":123456789012345678901234567890.5e-3}`, ""},
		{"", `{"é":"<&>\u2028"}`, `{"é":"<&>\u2028"}`, ""},
		{"", `{"":0}`, `{"":0}`, ""},
		{"", `{"a":","}`, `{"a":","}`, ""},
		{"", large, large, ""},
		{"", ``, "", "it is not JSON"},
		{"", `null`, "", "it is not a JSON object"},
		{"", `"a"`, "", "it is not a JSON object"},
		{"", `{"a":1} {}`, "", "it is not JSON"},
		{"", `{"a":1,}`, "", "it is not JSON"},
		{"", `{a:1}`, "", "it is not JSON"},
		{"", "{\"a\":\"\xff\"}", "", "it is not UTF-8"},
		{"", `{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "", "it is not JSON"},
		{"", large + " ", "", "an annotation has at most 65536 bytes, not 65537"},
		{`{"b":1}`, large, "", "the annotations of a transaction have at most 65536 bytes, not 65542"},
	} {
		var was []byte
		if c.was != "" {
			was = []byte(c.was)
		}
		got, err := merge(was, []byte(c.content))
		if fmt.Sprint(err) != c.err && (err != nil || c.err != "") || string(got) != c.want {
			t.Errorf("%.80s over %.80s: %.100s, %v, want %.100s, %s", c.content, c.was, got, err, c.want, c.err)
		}
		if err == nil && !json.Valid(got) {
			t.Errorf("%.80s over %.80s: %s is not JSON", c.content, c.was, got)
		}
	}
}

func FuzzMerge(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"b" : [1,{"c":"\u0000"}] , "a":null}`, `{`, `[]`, "{\"\\ud800\":1}"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		was, err := merge(nil, []byte(first))
		if err != nil {
			was = nil
		}
		got, err := merge(was, []byte(second))
		if err != nil {
			return
		}
		var want, keys map[string]json.RawMessage
		for _, object := range [][]byte{was, []byte(second)} {
			if object != nil && json.Unmarshal(object, &want) != nil {
				t.Fatalf("%q is accepted", object)
			}
		}
		if err := json.Unmarshal(got, &keys); err != nil || len(keys) != len(want) {
			t.Fatalf("%q over %q: %q, %v", second, was, got, err)
		}
		again, err := merge(nil, got)
		if err != nil || string(again) != string(got) {
			t.Fatalf("%q is not stable: %q, %v", got, again, err)
		}
	})
}
