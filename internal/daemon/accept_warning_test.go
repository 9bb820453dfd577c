package daemon

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// warned is a source that may be in the warnings rows_missing and rows_extra.
type warned struct {
	restored
	lost      []string // "": the warning has ended
	meanwhile func()   // runs once, after the records were read
}

func (*warned) Warnings() []string { return []string{"rows_missing", "rows_extra"} }

func (w *warned) AcceptWarning(_ context.Context, _, name string, _ []capture.Record) (update func([]byte) []byte, lost []string, err error) {
	if f := w.meanwhile; f != nil {
		w.meanwhile = nil
		f()
	}
	return func(state []byte) []byte { return append(slices.Clone(state), name+" accepted;"...) }, w.lost, nil
}

// TestAcceptWarning accepts a warning that lasts, one that has ended, and one of a pipeline without a record.
func TestAcceptWarning(t *testing.T) {
	p, a, _, wrote := two()
	source := &warned{lost: []string{"rows of t"}}
	p.Source.Settings = source
	if lost, err := Accept(t.Context(), p, "rows_missing", true); err != nil || !slices.Equal(lost, source.lost) || len(*wrote) > 0 {
		t.Errorf("a dry run: %q, %v, it wrote %q", lost, err, *wrote)
	}
	if lost, err := Accept(t.Context(), p, "rows_missing", false); err != nil || !slices.Equal(lost, source.lost) || len(*wrote) != 2 || string(a.record.State) != "rows_missing accepted;" {
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

// TestAcceptWarningsAtOnce accepts a warning after another acceptance has read the records and before it writes them. Neither loses the
// other's part of the state, nor what a daemon has recorded meanwhile.
func TestAcceptWarningsAtOnce(t *testing.T) {
	p, a, b, _ := two()
	source := &warned{lost: []string{"rows of t"}}
	p.Source.Settings = source
	source.meanwhile = func() {
		b.record.State = []byte("by a daemon;")
		if _, err := Accept(t.Context(), p, "rows_extra", false); err != nil {
			t.Error(err)
		}
	}
	if _, err := Accept(t.Context(), p, "rows_missing", false); err != nil {
		t.Fatal(err)
	}
	const both = "rows_extra accepted;rows_missing accepted;"
	if string(a.record.State) != both || string(b.record.State) != "by a daemon;"+both {
		t.Errorf("the records have %q and %q", a.record.State, b.record.State)
	}
}
