package rules

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/config"
)

// Constant returns the text of an expression that depends on nothing but the file. ok is false for any other one, for nil, and while
// its text is not known because the check is offline.
func Constant(e *config.Expression) (text string, ok bool) {
	if e == nil || !e.Known() {
		return "", false
	}
	if slices.ContainsFunc(e.Syntax().Variables(), func(t hcl.Traversal) bool { return t.RootName() != "local" }) {
		return "", false
	}
	v, diags := e.Evaluate(e.Syntax(), nil)
	if diags.HasErrors() || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// RangeOf returns the place of an expression; the zero Range for nil.
func RangeOf(e *config.Expression) hcl.Range {
	if e == nil {
		return hcl.Range{}
	}
	return e.Range()
}

// Topics returns the topic of a block if it depends on nothing but the file.
func Topics(topic *config.Expression) []string {
	if name, ok := Constant(topic); ok {
		return []string{name}
	}
	return nil
}
