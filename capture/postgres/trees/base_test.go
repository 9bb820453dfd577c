package trees

import (
	"fmt"
	"testing"
)

func TestBase(t *testing.T) {
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
}

// What this process has found itself stays, unless the operator has accepted a later base.
func TestLearn(t *testing.T) {
	w := NewWatch(nil, nil, nil, nil)
	found := &treeBase{roots: map[uint32]bool{1: true}}
	w.keepLocked(found)
	w.ours = true
	recorded := &treeBase{roots: map[uint32]bool{1: true, 2: true}}
	if w.Learn(recorded.String()); w.base != found {
		t.Errorf("a record has replaced the base by %v", w.base)
	}
	recorded.accepted = 1
	if w.Learn(recorded.String()); fmt.Sprint(w.base) != fmt.Sprint(recorded) {
		t.Errorf("after an acceptance the base is %v", w.base)
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
