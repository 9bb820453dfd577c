package postgres

import "maps"

// filled is a partition that has had a row in the stream, and that no check has seen yet.
type filled struct {
	root uint32
	name string
}

// mostFilled is the number of such partitions that are remembered. A check comes within seconds.
const mostFilled = 1000

// Filled implements decode.Trees. A partition may be created, filled, and detached or dropped between two checks, or while no daemon runs.
func (t *trees) Filled(root, oid uint32, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.base != nil {
		if _, known := t.base.leaves[oid]; known {
			return
		}
	}
	if len(t.filled) < mostFilled {
		t.filled[oid] = filled{root, name}
		t.nudge()
	}
}

// withFilled returns the base with the partitions that the stream has shown, and that are in no tree now. The caller holds looking.
func (t *trees) withFilled(base, now *treeBase) *treeBase {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := base
	for oid, f := range t.filled {
		_, known := base.leaves[oid]
		is, there := now.leaves[oid]
		if known || there && is.root == f.root || !base.roots[f.root] {
			continue
		}
		if next == base {
			next = &treeBase{accepted: base.accepted, cut: base.cut, roots: base.roots, leaves: maps.Clone(base.leaves)}
		}
		next.leaves[oid], t.names[oid] = leafMark{root: f.root}, f.name
	}
	return next
}

// forgetFilled forgets the partitions that are in the base by now. The caller holds mu.
func (t *trees) forgetFilled() {
	maps.DeleteFunc(t.filled, func(oid uint32, _ filled) bool { _, known := t.base.leaves[oid]; return known })
}
