package main

import (
	"testing"
	"time"
)

func TestCountAndShort(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		712345 * time.Nanosecond: "710µs", 123456 * time.Microsecond: "123ms", 12345 * time.Millisecond: "12.3s",
	} {
		if got := short(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
