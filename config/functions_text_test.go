package config_test

import (
	"testing"

	"github.com/tailrace/tailrace/config"
)

// TestTextFunctions evaluates the functions that HCL's library lacks.
func TestTextFunctions(t *testing.T) {
	for text, want := range map[string]string{
		`base64encode("paid")`: "cGFpZA==", `base64decode("cGFpZA==")`: "paid", `md5("")`: "d41d8cd98f00b204e9800998ecf8427e",
		`sha1("")`: "da39a3ee5e6b4b0d3255bfef95601890afd80709", `substr(sha256(""), 0, 8)`: "e3b0c442", `substr(sha512(""), 0, 8)`: "cf83e135",
		`startswith("paid", "pa") && endswith("paid", "id") && strcontains("paid", "ai") ? "yes" : "no"`: "yes", `startswith("a", "b") ? "yes" : "no"`: "no",
		`tostring(1.50)`: "1.5", `"n${tonumber("2") + 1}"`: "n3", `tobool("true") ? "yes" : "no"`: "yes", `try(base64decode("%"), "none")`: "none", `try(base64decode("/w=="), "none")`: "none",
	} {
		e, err := config.ParseTemplate("${" + text + "}")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if v, diags := e.Evaluate(e.Syntax(), nil); diags.HasErrors() || v.AsString() != want {
			t.Errorf("%s: %#v, %v, want %s", text, v, diags, want)
		}
	}
}
