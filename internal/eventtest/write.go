package eventtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/internal/eventtest/preview"
)

// inlineLimit is how many characters of an object or a list are written on one line.
const inlineLimit = 60

// keywords are names that mean something else at the beginning of an object's attribute.
var keywords = []string{"false", "for", "null", "true"}

// eventText returns the event block of an event.
func (s *SinkResult) eventText(e *preview.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "event %s {\n", quote(e.Type))
	for _, a := range s.written(e) {
		fmt.Fprintf(&b, "%s = %s\n", a.name, text(a.value))
	}
	b.WriteString("}\n")
	return b.String()
}

func stopText(s *preview.Stop) string {
	if s.Halted != "" {
		return "halted = " + quote(s.Halted) + "\n"
	}
	return "rejected = " + quote(s.Rejected) + "\n"
}

// quote returns a string in the syntax of a test file.
func quote(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) }

// text returns a document in the syntax of a test file.
func text(doc any) string {
	switch v := doc.(type) {
	case nil:
		return "null"
	case string:
		return quote(v)
	case json.Number:
		return string(v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, text(e))
		}
		return joined("[", parts, "]", ",")
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			key := name
			if !hclsyntax.ValidIdentifier(name) || slices.Contains(keywords, name) {
				key = quote(name)
			}
			parts = append(parts, key+" = "+text(v[name]))
		}
		return joined("{", parts, "}", "")
	}
	return fmt.Sprint(doc) // true, false
}

// joined returns the parts of an object or a list on one line where they are short, else on lines of their own.
func joined(open string, parts []string, end, comma string) string {
	short := strings.Join(parts, ", ")
	switch {
	case len(parts) == 0:
		return open + end
	case len(short) > inlineLimit || strings.Contains(short, "\n"):
		return open + "\n" + strings.Join(parts, comma+"\n") + comma + "\n" + end
	case open == "[":
		return "[" + short + "]"
	}
	return "{ " + short + " }"
}
