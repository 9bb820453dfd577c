package config_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tailrace/tailrace/config"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]config.Duration{
		"30s": config.Duration(30 * time.Second), "1m30s": config.Duration(90 * time.Second), "0": 0, "0s": 0, "250ms": config.Duration(250 * time.Millisecond),
		"1.5h": config.Duration(90 * time.Minute), "7d": config.Duration(7 * 24 * time.Hour), "1d12h": config.Duration(36 * time.Hour), "never": config.Never,
	} {
		got, err := config.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if again, err := config.ParseDuration(got.String()); err != nil || again != got {
			t.Errorf("%s prints as %s, which reads as %v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{
		"", "30", "s", "d", "-1s", "-1d", "+1s", "1d-2h", "1d+2h", "30 s", "1d d", "1_0d", "99999999999999999999d", "106752d", "3000000h", "9223372036854775807ns",
		"Never", "1e3s", "0x10d",
	} {
		if got, err := config.ParseDuration(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func TestPrintDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Minute: "1m", time.Hour: "1h", 24 * time.Hour: "24h", 90 * time.Second: "1m30s", 10 * time.Second: "10s",
		10 * time.Minute: "10m", 20 * time.Hour: "20h", time.Hour + time.Second: "1h0m1s", time.Millisecond: "1ms", time.Duration(config.Never): "never",
	} {
		if got := config.Duration(d).String(); got != want {
			t.Errorf("%v prints as %s, want %s", d, got, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]config.Size{
		"64MiB": 64 << 20, "1GiB": 1 << 30, "512KiB": 512 << 10, "1.5GiB": 3 << 29, "10MB": 10e6, "1kB": 1000, "1KB": 1000, "2TiB": 2 << 40,
		"100": 100, "100B": 100, "64 MiB": 64 << 20, "0": 0, "0.5KiB": 512,
	} {
		got, err := config.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		if again, err := config.ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%s prints as %s, which reads as %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{
		"", "MiB", "64M", "64mib", "-1", "+1", "0.5", "1/2", "1e6", "0x10", "1_000", "9223372036854775808", "9000000TiB", "1.2.3MB", ".", "1 2", "1MiBB",
		"99999999999999999999999999999999999",
	} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q is taken as %d", text, got)
		}
	}
}

func TestPrintSize(t *testing.T) {
	for size, want := range map[config.Size]string{0: "0B", 1000: "1000B", 1024: "1KiB", 64 << 20: "64MiB", 1 << 40: "1TiB", 3 << 29: "1536MiB"} {
		if got := size.String(); got != want {
			t.Errorf("%d prints as %s, want %s", size, got, want)
		}
	}
}

func TestValuesInJSON(t *testing.T) {
	text, err := json.Marshal(map[string]any{"d": config.Never, "s": config.Size(1 << 20), "x": config.Secret("x")})
	if want := `{"d":"never","s":"1MiB","x":"(secret)"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}
