package headers_test

import (
	"testing"

	"github.com/tailrace/tailrace/transform/headers"
)

func TestValidTraceparent(t *testing.T) {
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for text, valid := range map[string]bool{
		"00-" + trace + "-" + parent + "-01":                      true,
		"00-" + trace + "-" + parent + "-00":                      true,
		"cc-" + trace + "-" + parent + "-01":                      true,
		"cc-" + trace + "-" + parent + "-01-what follows":         true,
		"00-" + trace + "-" + parent + "-01-what follows":         false,
		"cc-" + trace + "-" + parent + "-01.":                     false,
		"ff-" + trace + "-" + parent + "-01":                      false,
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" + parent + "-01":   false,
		"00-00000000000000000000000000000000-" + parent + "-01":   false,
		"00-" + trace + "-0000000000000000-01":                    false,
		"00-" + trace + "-" + parent + "-0":                       false,
		"00-" + trace + "-" + parent + "-0g":                      false,
		"00." + trace + "-" + parent + "-01":                      false,
		"00-00000000000000000000000000000001-0000000000000001-00": true,
		"": false,
	} {
		if headers.ValidTraceparent([]byte(text)) != valid {
			t.Errorf("%q: valid is %v", text, !valid)
		}
	}
}
