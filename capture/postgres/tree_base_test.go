package postgres

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestTreeBase(t *testing.T) {
	b := &treeBase{accepted: 3, roots: map[uint32]bool{10: true, 20: true}, leaves: map[uint32]leafMark{
		11: {10, 111, 1}, 12: {10, 112, 2},
	}}
	if got := parseBase(b.String()); fmt.Sprint(got) != fmt.Sprint(b) {
		t.Errorf("%v reads back as %v", b, got)
	}
	for _, text := range []string{"", "1", "1.x.", "2.0.", "1.0.AAAA", "1.0.AAAAAQAAAAE", "1.0.*"} {
		if got := parseBase(text); got != nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	if s := (*treeBase)(nil).String() + baseOf(nil).String(); s != "" {
		t.Errorf("no trees are recorded as %q", s)
	}
	many := &treeBase{leaves: map[uint32]leafMark{}}
	for i := range uint32(maxLeaves + 1) {
		many.leaves[i] = leafMark{}
	}
	if got := parseBase(many.String()); !got.cut || len(many.String()) > 10 {
		t.Errorf("too many are recorded as %q", many)
	}

	o := &treeBase{accepted: 3, roots: map[uint32]bool{10: true, 30: true}, leaves: map[uint32]leafMark{11: {10, 111, 1}, 12: {10, 999, 2}}}
	m := b.merge(o)
	if len(m.roots) != 3 || m.leaves[11] != b.leaves[11] || m.leaves[12] != (leafMark{10, 0, 2}) {
		t.Errorf("merged: %v", m)
	}
	later := &treeBase{accepted: 4}
	if b.merge(later) != later || later.merge(b) != later || b.merge(nil) != b || (*treeBase)(nil).merge(b) != b {
		t.Error("the one that was accepted later does not count")
	}
	if got := string(withTrees(stateDone, "")); got != string(stateDone) {
		t.Errorf("a state without trees is %s", got)
	}
	state := withTrees(statePending, b.String())
	if r := (capture.Record{State: state}); !pending(&r) || recordedTrees(state) != b.String() {
		t.Errorf("state %s", state)
	}
	if !slices.Equal(withTrees(state, ""), statePending) {
		t.Errorf("state %s", withTrees(state, ""))
	}
}

// What only a record has by the time of an acceptance was not shown to the operator, and is not accepted.
func TestTreeBaseAccepted(t *testing.T) {
	base := func(accepted uint64, leaves ...uint32) *treeBase {
		b := &treeBase{accepted: accepted, roots: map[uint32]bool{1: true}, leaves: map[uint32]leafMark{}}
		for _, oid := range leaves {
			b.leaves[oid] = leafMark{root: 1, file: oid, joined: 5}
		}
		return b
	}
	seen, now := base(2, 10, 11), base(3, 10, 12) // 11 was dropped
	for name, c := range map[string]struct{ record, want *treeBase }{
		"as it was read":        {base(2, 10, 11), now},
		"none":                  {nil, now},
		"another partition":     {base(2, 10, 11, 13), base(3, 10, 12, 13)},
		"accepted meanwhile":    {base(3, 10, 12, 13), base(4, 10, 12, 13)},
		"too many to record":    {&treeBase{accepted: 2, cut: true}, now},
		"of an older partition": {base(2), now},
	} {
		if got := now.acceptedIn(c.record, seen); got.String() != c.want.String() {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// An acceptance replaces its own part of a record's state: two at once do not undo each other.
func TestAcceptedPartsOfAState(t *testing.T) {
	state := withJoins(withTrees(stateDone, "trees"), "joins")
	if got := withTrees(restated(state), "others"); recordedTrees(got) != "others" || recordedJoins(got) != "joins" {
		t.Errorf("%s", got)
	}
	if got := withJoins(restated(nil), "list"); recordedJoins(got) != "list" || recordedTrees(got) != "" || string(finished(got)) != string(got) {
		t.Errorf("%s", got)
	}
}
