package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestTellWhatGoesAndWhatStays(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{
			[]string{"slot s", "left: topic a", "publication p", "left: topic b"},
			"removed:\n  slot s\n  publication p\nstays, and is yours to remove:\n  topic a\n  topic b\n",
		},
		{[]string{"slot s"}, "removed:\n  slot s\n"},
	} {
		var out bytes.Buffer
		printLines(&app{out: &out}, "removed:", c.lines)
		if out.String() != c.want {
			t.Errorf("got %q, want %q", out.String(), c.want)
		}
	}
}

func TestAskWithoutATerminal(t *testing.T) {
	err := ask(&app{in: strings.NewReader("y\n"), out: &bytes.Buffer{}}, "Remove it?", "nothing was removed")
	var wrong usageError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "confirm with -yes") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNoTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if isTerminal(null) || isTerminal(&bytes.Buffer{}) {
		t.Error("it is taken for a terminal")
	}
}
