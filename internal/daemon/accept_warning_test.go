package daemon

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// warned is a source that may be in the warning rows_missing.
type warned struct {
	restored
	lost []string // "": the warning has ended
}

func (*warned) Warnings() []string { return []string{"rows_missing"} }

func (w *warned) AcceptWarning(_ context.Context, _, _ string, records []capture.Record) (states [][]byte, lost []string, err error) {
	for range records {
		states = append(states, []byte("accepted"))
	}
	return states, w.lost, nil
}

// TestAcceptWarning accepts a warning that lasts, one that has ended, and one of a pipeline without a record.
func TestAcceptWarning(t *testing.T) {
	p, a, _, wrote := two()
	source := &warned{lost: []string{"rows of t"}}
	p.Source.Settings = source
	if lost, err := Accept(t.Context(), p, "rows_missing", true); err != nil || !slices.Equal(lost, source.lost) || len(*wrote) > 0 {
		t.Errorf("a dry run: %q, %v, it wrote %q", lost, err, *wrote)
	}
	if lost, err := Accept(t.Context(), p, "rows_missing", false); err != nil || !slices.Equal(lost, source.lost) || len(*wrote) != 2 || string(a.record.State) != "accepted" {
		t.Errorf("%q, %v, it wrote %q", lost, err, *wrote)
	}
	source.lost, a.record.State = nil, nil
	if lost, err := Accept(t.Context(), p, "rows_missing", false); err != nil || len(lost) > 0 || len(*wrote) != 2 || a.record.State != nil {
		t.Errorf("after it has ended: %q, %v, it wrote %q", lost, err, *wrote)
	}
	for _, k := range p.Sinks {
		k.Settings.(*ledger).record.Record = sink.RecordNone
	}
	if _, err := Accept(t.Context(), p, "rows_missing", false); err == nil || !strings.Contains(err.Error(), "not_acceptable") {
		t.Errorf("without a record: %v", err)
	}
}
