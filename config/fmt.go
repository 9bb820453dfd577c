package config

import "github.com/hashicorp/hcl/v2/hclwrite"

// Format returns the text of a pipeline file with canonical spaces and indentation, as `tailrace fmt` writes it. A text that does
// not parse is formatted as far as it can be.
func Format(src []byte) []byte { return hclwrite.Format(src) }
