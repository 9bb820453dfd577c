// Package syntax parses the text of a pipeline file within limits, and explains syntax errors by what was probably meant. It knows
// no block and no attribute.
package syntax

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Parse returns the body of a file that Unreadable accepts, or its errors: then the body is nil.
func Parse(name string, src []byte) (*hclsyntax.Body, hcl.Diagnostics) {
	if d := tooDeep(name, src); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	f, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, explainSyntaxErrors(name, src, diags)
	}
	return f.Body.(*hclsyntax.Body), nil
}
