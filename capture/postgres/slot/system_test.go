package slot

import (
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestParseHistory(t *testing.T) {
	h, err := parseHistory([]byte("1\t0/3000000\tno recovery target specified\n\n# a comment\n2\t1/A0  \tbefore 2020-01-01\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []capture.Timeline{{ID: 1, End: 0x3000000}, {ID: 2, End: 0x1000000A0}}; !slices.Equal(h, want) {
		t.Errorf("history %v, want %v", h, want)
	}
	for _, bad := range []string{"1", "x\t0/1\tr", "1\tz/1\tr", "2\t0/2\tr\n1\t0/3\tr", "1\t0/5\tr\n2\t0/3\tr"} {
		if h, err := parseHistory([]byte(bad)); err == nil {
			t.Errorf("%q gives %v", bad, h)
		}
	}
}
