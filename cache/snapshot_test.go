package cache

import (
	"testing"

	"github.com/tailrace/tailrace/cache/protocol"
)

func TestSnapshotShowsWhatHasCommitted(t *testing.T) {
	s, err := parseSnapshot("10:4294967310:12,4294967300")
	if err != nil {
		t.Fatal(err)
	}
	for xid, want := range map[protocol.XID]bool{
		9: true, 10: true, 11: true, 12: false, 4294967299: true, 4294967300: false, 4294967309: true, 4294967310: false, 1 << 40: false,
	} {
		if s.shows(xid) != want {
			t.Errorf("xid %d: %v", xid, !want)
		}
	}
	for _, c := range []struct {
		tombstone protocol.Section
		want      bool
	}{
		{protocol.Section{}, true},
		{protocol.Section{XIDs: []protocol.XID{9, 11}}, true},
		{protocol.Section{XIDs: []protocol.XID{9, 12}}, false},
		{protocol.Section{Overflow: 9}, true},
		{protocol.Section{Overflow: 10}, false},
	} {
		if s.showsSection(c.tombstone) != c.want {
			t.Errorf("%+v: %v", c.tombstone, !c.want)
		}
	}
	if s, err := parseSnapshot("7:7:"); err != nil || !s.shows(6) || s.shows(7) {
		t.Error(s, err)
	}
	for _, text := range []string{"", "1:2", "1:2:3:4", "x:2:", "1:x:", "1:2:x", "1:2:3,"} {
		if s, err := parseSnapshot(text); err == nil {
			t.Errorf("%q: %v", text, s)
		}
	}
}

func TestLSNIsParsed(t *testing.T) {
	if lsn, err := parseLSN("A/1F"); err != nil || lsn != 0xA0000001F {
		t.Error(lsn, err)
	}
	for _, text := range []string{"", "1", "x/1", "1/x", "1/100000000"} {
		if lsn, err := parseLSN(text); err == nil {
			t.Errorf("%q: %v", text, lsn)
		}
	}
}

// A heartbeat of a former history, with a tombstone of the present one, has the wrong floor.
func TestHeartbeatOfAFormerEpochProvesNothing(t *testing.T) {
	v := view{byLSN: true, reached: 100}
	l := protocol.Lease{Key: protocol.Section{Epoch: "2", LSN: 50}, Heartbeat: protocol.Heartbeat{Epoch: "1", Floor: 10}}
	if got := v.refuses(&l); got != NoHeartbeat {
		t.Error(got)
	}
	l.Heartbeat.Epoch = "2"
	if got := v.refuses(&l); got != "" {
		t.Error(got)
	}
	l.Namespace = protocol.Section{Epoch: "3"}
	if got := v.refuses(&l); got != NoHeartbeat {
		t.Error(got)
	}
}
