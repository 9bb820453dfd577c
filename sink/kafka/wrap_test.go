package kafka

import (
	"math"
	"testing"
)

func TestSequenceNumbersWrapToZero(t *testing.T) {
	for _, c := range []struct {
		seq  int32
		n    int
		want int32
	}{{0, 5, 5}, {math.MaxInt32 - 1, 1, math.MaxInt32}, {math.MaxInt32, 1, 0}, {math.MaxInt32 - 2, 10, 7}} {
		if got := sequenceAfter(c.seq, c.n); got != c.want {
			t.Errorf("after(%d, %d) = %d, want %d", c.seq, c.n, got, c.want)
		}
	}
}
