package admin

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
)

func TestTable(t *testing.T) {
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
	if diff := cmp.Diff(string(want), string(Table(list, now))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := string(Table(nil, now)); got != "no pipeline is enabled\n" {
		t.Errorf("without pipelines: %q", got)
	}
}
