package slot

import (
	"strings"
	"testing"
)

func TestSlotOfAnotherPlugin(t *testing.T) {
	s := State{Name: "tailrace_x", Type: "logical", Here: true, Plugin: "wal2json"}
	if p := s.Problem(); p == nil || p.State != "slot_other_plugin" || !strings.Contains(p.Reason, "wal2json") {
		t.Errorf("%+v", p)
	}
}
