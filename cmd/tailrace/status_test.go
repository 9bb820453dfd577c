package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
)

func TestStatusJSON(t *testing.T) {
	r := tailrace(t, "status", "-json", "-url", serve(t, &moving{cache: 0x18}))
	r.expect(t, 0, `"held":"0/18+7"`, "")
	var list []pipeline.Status
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list) != 1 || list[0].Name != "orders" {
		t.Errorf("%v: %s", err, r.out)
	}
}

func TestStatusIsDrawnOnceWithoutATerminal(t *testing.T) {
	r := tailrace(t, "status", "-url", serve(t, &moving{cache: 0x18}))
	r.expect(t, 0, "RETRYING redis_down", "")
	if strings.Contains(r.out, "\x1b") {
		t.Errorf("escapes without a terminal: %q", r.out)
	}
}

func TestStatusWatchesUntilASignal(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := process(ctx, nil, "status", "-watch", "-json", "-url", serve(t, &moving{}))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(out)
	for range 2 {
		var list []pipeline.Status
		if err := lines.Decode(&list); err != nil || len(list) != 1 {
			t.Fatalf("%v %v", list, err)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestStatusTable(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ok := pipeline.State{Name: "streaming", Kind: pipeline.OK, Since: now.Add(-3 * time.Minute)}
	list := []pipeline.Status{{
		Name: "orders", Role: pipeline.Active, State: ok,
		Source: pipeline.SourceStatus{
			Kind: "postgres", Connected: true, Slot: "active", End: 0x20,
			Confirmed: capture.Position{LSN: 0x18}, Retained: 2048, Safe: 1 << 30, Copied: 10, Estimated: 12,
		},
		Window: pipeline.WindowStatus{Bytes: 512, Limit: 1 << 20},
		Sinks: []pipeline.SinkStatus{
			{Name: "bus", Kind: "kafka", State: ok, Durable: capture.Position{LSN: 0x20}, Events: 12},
			{
				Name: "audit-trail", Kind: "stdout", Durable: capture.Position{LSN: 0x18, Seq: 1}, LagSeconds: 75.5, LagBytes: 8,
				State: pipeline.State{
					Name: "rejected", Kind: pipeline.Halted, Since: now.Add(-2 * time.Second),
					Reason: "too large", Fix: "first line\nsecond line",
				},
			},
		},
	}, {
		Name: "billing", Role: pipeline.Starting,
		State:  pipeline.State{Name: "source_unreachable", Kind: pipeline.Retrying, Since: now, Reason: "refused"},
		Source: pipeline.SourceStatus{Kind: "postgres", Retained: -1, Safe: -1},
	}}
	want, err := os.ReadFile("testdata/status.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(statusTable(list, now))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := string(statusTable(nil, now)); got != "no pipeline is enabled\n" {
		t.Errorf("without pipelines: %q", got)
	}
}

func TestWatchGoesOnWhileTheDaemonIsAway(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var out bytes.Buffer
	looks := 0
	err := watchStatus(ctx, &app{out: &out}, true, func() ([]byte, error) {
		if looks++; looks == 2 {
			cancel()
		}
		return nil, os.ErrClosed
	})
	if err != nil || looks != 2 {
		t.Errorf("%d looks, %v", looks, err)
	}
	if got := out.String(); got != "\x1b[Hfile already closed\x1b[K\n\x1b[J" {
		t.Errorf("%q", got)
	}
}
