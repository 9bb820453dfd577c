package capture_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestLSN(t *testing.T) {
	for text, lsn := range map[string]capture.LSN{
		"0/0":               0,
		"0/1":               1,
		"0/16B3748":         0x16B3748,
		"16/B374D848":       0x16_B374D848,
		"1/0":               1 << 32,
		"FFFFFFFF/FFFFFFFF": math.MaxUint64,
		"10/10000000":       0x10_10000000,
	} {
		if got := lsn.String(); got != text {
			t.Errorf("%d is printed as %s, want %s", lsn, got, text)
		}
		if got := string(lsn.Append([]byte("at "))); got != "at "+text {
			t.Errorf("%d is appended as %q", lsn, got)
		}
		if got, err := capture.ParseLSN(text); got != lsn || err != nil {
			t.Errorf("%s is read as %d, %v", text, got, err)
		}
		roundTrip(t, lsn, `"`+text+`"`)
	}
	if got, err := capture.ParseLSN("0a/00b"); got != 0xa_0000000b || err != nil {
		t.Errorf("small letters and zeros in front: %s, %v", got, err)
	}
}

func TestWhatIsNoLSN(t *testing.T) {
	for _, text := range []string{
		"", "/", "0", "0/", "/0", "0/0/0", "g/0", "0/g", "-1/0", "+1/0", "0x1/0", "1_0/0", " 0/0", "0/0 ",
		"100000000/0", "0/100000000", "0/1+1",
	} {
		if got, err := capture.ParseLSN(text); err == nil || got != 0 {
			t.Errorf("%q is read as %s, %v", text, got, err)
		}
		var lsn capture.LSN
		if err := lsn.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is unmarshalled as %s", text, lsn)
		}
	}
}

func FuzzLSN(f *testing.F) {
	f.Add(uint64(0x16_B374D848), "16/B374D848")
	f.Fuzz(func(t *testing.T, n uint64, text string) {
		if back, err := capture.ParseLSN(capture.LSN(n).String()); uint64(back) != n || err != nil {
			t.Errorf("%d reads back as %d, %v", n, back, err)
		}
		p := capture.Position{LSN: capture.LSN(n), Seq: n >> 7}
		if back, err := capture.ParsePosition(p.String()); back != p || err != nil {
			t.Errorf("%v reads back as %v, %v", p, back, err)
		}
		if p, err := capture.ParsePosition(text); err == nil {
			if back, err := capture.ParsePosition(p.String()); back != p || err != nil {
				t.Errorf("%q: %v reads back as %v, %v", text, p, back, err)
			}
		}
	})
}

// roundTrip marshals v to JSON and reads it back.
func roundTrip[T comparable](t *testing.T, v T, want string) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil || string(text) != want {
		t.Errorf("%v in JSON is %s, %v; want %s", v, text, err, want)
	}
	var back T
	if err := json.Unmarshal(text, &back); err != nil || back != v {
		t.Errorf("%s reads back as %v, %v", text, back, err)
	}
}
