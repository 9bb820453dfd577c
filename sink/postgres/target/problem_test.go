package target

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// wantProblem ends the test unless err is a Problem with this state whose reason and fix contain these texts.
func wantProblem(t *testing.T, err error, state, reason, fix string) *capture.Problem {
	t.Helper()
	p := capture.AsProblem(err)
	if p == nil {
		t.Fatalf("no problem %s but %v", state, err)
	}
	if p.State != state || !strings.Contains(p.Reason, reason) || !strings.Contains(p.Fix, fix) {
		t.Errorf("%v\nfix: %s\nwant %s: %s\nfix: %s", p, p.Fix, state, reason, fix)
	}
	return p
}
