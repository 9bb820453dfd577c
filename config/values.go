package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/tailrace/tailrace/config/redact"
)

// Never is the Duration of "never". As a time.Duration it is 292 years, so that timers need no special case.
const Never = Duration(math.MaxInt64)

// ParseDuration reads "never", or Go's syntax with days before it: "30s", "1m30s", "250ms", "7d", "1d12h". A negative
// duration is an error.
func ParseDuration(s string) (Duration, error) {
	if s == "never" {
		return Never, nil
	}
	days, rest, found := strings.Cut(s, "d")
	if s == "" {
		return 0, errors.New("not a duration")
	}
	if !found {
		days, rest = "0", s
	}
	hours, ok := new(big.Int).SetString(days, 10)
	if !ok || strings.ContainsAny(days, "+-_") {
		return 0, errors.New("not a duration")
	}
	var d time.Duration
	if rest != "" {
		var err error
		if d, err = time.ParseDuration(rest); err != nil || strings.ContainsAny(rest, "+") {
			return 0, errors.New("not a duration")
		}
	}
	if d < 0 {
		return 0, errors.New("a duration is not negative")
	}
	sum := hours.Mul(hours, big.NewInt(int64(24*time.Hour)))
	sum.Add(sum, big.NewInt(int64(d)))
	if !sum.IsInt64() || Duration(sum.Int64()) == Never {
		return 0, errors.New("the duration is too long")
	}
	return Duration(sum.Int64()), nil
}

// String returns "never", or Go's form without its empty parts: "1m", not "1m0s".
func (d Duration) String() string {
	if d == Never {
		return "never"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalText returns String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// units are the suffixes of a size. Longer names come before their own endings.
var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

// ParseSize reads a number with a unit, such as "64MiB", "1.5GiB", "10MB" or "512 KiB", or plain bytes. A size is whole
// bytes and not negative.
func ParseSize(s string) (Size, error) {
	number, factor := s, int64(1)
	for _, u := range units {
		if n, found := strings.CutSuffix(s, u.name); found {
			number, factor = strings.TrimRight(n, " "), u.bytes
			break
		}
	}
	if number == "" || len(number) > 30 || strings.Trim(number, "0123456789.") != "" {
		return 0, errors.New("not a size")
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, errors.New("not a size")
	}
	r.Mul(r, new(big.Rat).SetInt64(factor))
	if !r.IsInt() {
		return 0, errors.New("a size is a whole number of bytes")
	}
	if !r.Num().IsInt64() {
		return 0, errors.New("the size is too large")
	}
	return Size(r.Num().Int64()), nil
}

// String returns the largest binary unit that divides the size: "64MiB", "1000B".
func (s Size) String() string {
	for i := 3; i >= 0; i-- {
		if u := units[i]; s != 0 && int64(s)%u.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(s)/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}

// MarshalText returns String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String hides the secret; only string(s) returns its text.
func (s Secret) String() string { return redact.Hidden }

// Format hides the secret under every verb, also those that do not call String. fmt calls no methods of unexported
// fields: a struct that may be printed keeps its secrets in exported ones.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redact.Hidden)) }

// MarshalJSON hides the secret. encoding/json does not call it for the keys of a map, so a Secret must not be one.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redact.Hidden) }

// MarshalText hides the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redact.Hidden), nil }
