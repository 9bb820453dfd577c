package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// credential evaluates an attribute at each call, with the locals it uses.
func (l *loader) credential(a *hclsyntax.Attribute) Credential {
	return func() (Secret, error) {
		again := l.clone()
		v, _, ok := again.evaluate(a.Expr)
		if !ok {
			again.report.sort()
			return "", fmt.Errorf("read %s at %s: %s", a.Name, where(a.NameRange), again.report.Diagnostics[0].Summary)
		}
		s, err := convert.Convert(v, cty.String)
		if err != nil || s.IsNull() || !s.IsKnown() {
			return "", fmt.Errorf("read %s at %s: it is not a text any more", a.Name, where(a.NameRange))
		}
		return Secret(s.AsString()), nil
	}
}

// clone returns a loader of the same files that has evaluated nothing yet. It shares nothing that it writes.
func (l *loader) clone() *loader {
	again := newLoader(l.kinds, l.options)
	again.report.sources = l.report.sources
	for name, loc := range l.locals {
		again.locals[name] = &local{attr: loc.attr}
	}
	return again
}
