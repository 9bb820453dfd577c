package slot

import (
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// A standby that is connected may be waited for at any moment; only one that confirms nothing is a problem.
func TestStandbyWait(t *testing.T) {
	slots := func(restart capture.LSN) []Standby {
		return []Standby{{Name: "s", Exists: true, Type: "physical", Active: true, Restart: restart}}
	}
	with := func(change func(*Standby)) []Standby {
		s := slots(9)
		change(&s[0])
		return s
	}
	began := time.Unix(1000, 0)
	var w StandbyWait
	for i, look := range []struct {
		slots   []Standby
		changed bool
		why     string
	}{
		{slots: slots(5)},
		{slots: slots(6)},
		{slots: slots(6), changed: true, why: "the standby of slot s is connected and has confirmed nothing beyond 0/6"},
		{slots: slots(6), why: "confirmed nothing"},
		{slots: slots(7), changed: true},
		{},
		{slots: slots(7)}, // between them it had everything
		{slots: nil},
		{slots: with(func(s *Standby) { s.Active = false }), changed: true, why: "no standby is connected to slot s"},
		{slots: with(func(s *Standby) { s.Exists = false }), changed: true, why: "slot s does not exist"},
		{slots: with(func(s *Standby) { s.Type = "logical" }), changed: true, why: "slot s is a logical one"},
		{slots: with(func(s *Standby) { s.Invalid = "wal_removed" }), changed: true, why: "slot s is invalidated (wal_removed)"},
		{changed: true},
	} {
		if changed := w.Update(look.slots, began.Add(time.Duration(i)*time.Second)); changed != look.changed {
			t.Errorf("look %d: changed %v", i, changed)
		}
		if p := w.Problem; p == nil && look.why != "" || p != nil && (look.why == "" || !strings.Contains(p.Reason, look.why)) {
			t.Errorf("look %d: %v, want %q", i, p, look.why)
		}
		if i == 11 && w.Since != began.Add(8*time.Second) {
			t.Errorf("since %s, want look 8", w.Since)
		}
	}
}
