package trees

import (
	"maps"
	"slices"
	"testing"
)

// A partition that had a row is added to the base if it is not in its tree any more.
func TestFilledPartitionsInBase(t *testing.T) {
	base := func(leaves map[uint32]uint32) *treeBase { // the roots, by OID
		b := &treeBase{accepted: 2, roots: map[uint32]bool{1: true, 2: true}, leaves: map[uint32]leafMark{}}
		for oid, root := range leaves {
			b.leaves[oid] = leafMark{root: root, file: oid, joined: 5}
		}
		return b
	}
	w := NewWatch(nil, nil, nil, nil)
	w.base = base(map[uint32]uint32{10: 1})
	for oid, root := range map[uint32]uint32{10: 1, 11: 1, 12: 1, 13: 1, 14: 3} {
		w.Filled(root, oid, "public.p")
	}
	if _, known := w.filled[10]; known {
		t.Error("a partition of the base is remembered")
	}
	next := w.withFilled(w.base, base(map[uint32]uint32{10: 1, 12: 1, 13: 2})) // 11 has left, 13 is in another tree, 3 is no root
	if got := slices.Sorted(maps.Keys(next.leaves)); !slices.Equal(got, []uint32{10, 11, 13}) || next.leaves[13].root != 1 || next.accepted != 2 {
		t.Errorf("the base is %+v", next)
	}
	if len(w.base.leaves) != 1 {
		t.Error("the former base has changed")
	}
	w.base = next
	w.forgetFilledLocked()
	if got := slices.Sorted(maps.Keys(w.filled)); !slices.Equal(got, []uint32{12, 14}) {
		t.Errorf("remembered are %d", got)
	}
}
