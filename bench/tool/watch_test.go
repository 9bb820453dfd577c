package tool

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// A tool that takes 3 s for the first 40 % and 1 s for the rest has a warm rate of three times that share.
func TestCosts(t *testing.T) {
	began := time.Now()
	at := func(ms int, amount float64, cpu time.Duration) Sample {
		return Sample{At: began.Add(time.Duration(ms) * time.Millisecond), Amount: amount, Tool: cpu, Sender: cpu / 2, ToolWaits: int64(ms)}
	}
	c := Course{Began: began.Add(-time.Second), Peak: 5e6, Samples: []Sample{
		at(0, 0, time.Second), at(1500, 100, 2*time.Second), at(3000, 400, 5*time.Second), at(4000, 1000, 6*time.Second),
	}}
	got := c.Costs(10_000)
	for key, want := range map[string]float64{
		"rows_s": 2500, "warm_rows_s": 6000, "tool_us": 500, "warm_tool_us": 1e6 / 6000, "sender_us": 250, "broker_us": 0,
		"tool_waits_k": 400, "warm_tool_waits_k": 1e6 / 6000,
		"start_s": 1, "all_s": 5, "rss_mb": 5,
	} {
		if math.Abs(got[key]-want) > want/1e6 {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
}

// The linker reports no error when it cannot set a variable, and then the plain reads would not be plain.
func TestPlainReadsCanBeBuilt(t *testing.T) {
	text, err := os.ReadFile("../../capture/postgres/conn/socket.go")
	if err != nil {
		t.Fatal(err)
	}
	if set := strings.Join(builds["plain"], " "); !strings.Contains(set, "capture/postgres/conn.Reading=plain") ||
		!strings.Contains(string(text), "\nvar Reading = \"") {
		t.Errorf("%s sets no variable of capture/postgres/conn", set)
	}
}
