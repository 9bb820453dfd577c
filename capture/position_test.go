package capture_test

import (
	"math"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestPositionText(t *testing.T) {
	for text, p := range map[string]capture.Position{
		"0/0":                                    {},
		"16/B374D848":                            {LSN: 0x16_B374D848},
		"16/B374D848+3":                          {LSN: 0x16_B374D848, Seq: 3},
		"0/0+1":                                  {Seq: 1},
		"FFFFFFFF/FFFFFFFF+18446744073709551615": {LSN: math.MaxUint64, Seq: math.MaxUint64},
	} {
		if got := p.String(); got != text {
			t.Errorf("%#v is printed as %s, want %s", p, got, text)
		}
		if got, err := capture.ParsePosition(text); got != p || err != nil {
			t.Errorf("%s is read as %#v, %v", text, got, err)
		}
		roundTrip(t, p, `"`+text+`"`)
	}
	for _, text := range []string{
		"", "+", "+3", "0/0+", "0/0+-1", "0/0++1", "0/0+1+1", "0/0+x", "0/0+0x1", "0/0 +1", "0+1", "0/0+18446744073709551616",
	} {
		if got, err := capture.ParsePosition(text); err == nil || got != (capture.Position{}) {
			t.Errorf("%q is read as %#v, %v", text, got, err)
		}
	}
}

func TestPositionOrder(t *testing.T) {
	ordered := []capture.Position{
		{},
		{Seq: 1},
		{LSN: 7},
		{LSN: 7, Seq: 1},
		{LSN: 7, Seq: math.MaxUint64},
		{LSN: 8},
		{LSN: 1 << 32},
		{LSN: 1 << 32, Seq: 2},
		{LSN: math.MaxUint64},
	}
	if !slices.IsSortedFunc(ordered, capture.Position.Compare) {
		t.Error("not in order")
	}
	for i, p := range ordered {
		for j, q := range ordered {
			if got := p.Compare(q); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%s compared with %s is %d", p, q, got)
			}
			if p.Before(q) != (i < j) {
				t.Errorf("%s before %s is %v", p, q, p.Before(q))
			}
		}
		if p.IsZero() != (i == 0) {
			t.Errorf("%s is zero: %v", p, p.IsZero())
		}
	}
}
