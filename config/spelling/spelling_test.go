package spelling_test

import (
	"testing"

	"github.com/tailrace/tailrace/config/spelling"
)

func TestNearest(t *testing.T) {
	known := []string{"window", "sink", "steps", "op"}
	for given, want := range map[string]string{
		"window": "window", "windwo": "window", "snk": "sink", "step": "steps", "pipeline": "", "widnwoo": "", "xx": "",
	} {
		if got := spelling.Nearest(given, known); got != want {
			t.Errorf("%q is taken for %q, want %q", given, got, want)
		}
	}
}
