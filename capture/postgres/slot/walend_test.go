package slot

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestBeforeHeader(t *testing.T) {
	const page, segment = 8192, 16 << 20
	for l, want := range map[capture.LSN]capture.LSN{
		3*segment + 40: 3 * segment, 3*segment + 24: 3*segment + 24, 3*segment + page + 24: 3*segment + page,
		3*segment + page + 40: 3*segment + page + 40, 3*segment + 48: 3*segment + 48, 3 * segment: 3 * segment,
	} {
		if got := beforeHeader(l, page, segment); got != want {
			t.Errorf("%s: %s, want %s", l, got, want)
		}
	}
}
