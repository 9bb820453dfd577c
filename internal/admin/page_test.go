package admin

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline"
)

func TestPage(t *testing.T) {
	srv := serve(t, &fixed{list: []pipeline.Status{healthy("orders"), stuck("billing")}})
	code, body := get(t, srv.URL+"/")
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	for _, want := range []string{
		"v1.2.3", "orders", "billing", "0/16B3700&#43;3", "1.5 KiB of 64.0 MiB", "topic_missing",
		"the topic &lt;orders&gt; does not exist", "kafka-topics.sh --create --topic orders",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
	for _, never := range []string{"<script", "src=", "https://", "@import"} {
		if strings.Contains(body, never) {
			t.Errorf("the page loads something: %q", never)
		}
	}
}

func TestPageWithoutPipelines(t *testing.T) {
	if _, body := get(t, serve(t, &fixed{}).URL+"/"); !strings.Contains(body, "No pipeline is enabled") {
		t.Error(body)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "?", 0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 64 << 20: "64.0 MiB",
		3 << 40: "3.0 TiB", math.MaxInt64: "8192.0 PiB",
	} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) is %q, want %q", n, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 250 * time.Millisecond: "250ms", 59990 * time.Millisecond: "59.9s",
		250 * time.Second: "4m10s", 125 * time.Minute: "2h5m", 76 * time.Hour: "3d4h",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%d) is %q, want %q", d, got, want)
		}
	}
}
