package trees

import "maps"

// filled is a partition that has had a row in the stream, and that no check has seen yet.
type filled struct {
	root uint32
	name string
}

// mostFilled is the number of such partitions that are remembered. A check comes within seconds.
const mostFilled = 1000

// Filled implements decode.Trees. A partition may be created, filled, and detached or dropped between two checks, or while no daemon runs.
func (w *Watch) Filled(root, oid uint32, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.base != nil {
		if _, known := w.base.leaves[oid]; known {
			return
		}
	}
	if len(w.filled) < mostFilled {
		w.filled[oid] = filled{root, name}
		w.nudge()
	}
}

// withFilled returns the base with the partitions that the stream has shown, and that are in no tree now. The caller holds looking.
func (w *Watch) withFilled(base, now *treeBase) *treeBase {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := base
	for oid, f := range w.filled {
		_, known := base.leaves[oid]
		is, there := now.leaves[oid]
		if known || there && is.root == f.root || !base.roots[f.root] {
			continue
		}
		if next == base {
			next = &treeBase{accepted: base.accepted, cut: base.cut, roots: base.roots, leaves: maps.Clone(base.leaves)}
		}
		next.leaves[oid], w.names[oid] = leafMark{root: f.root}, f.name
	}
	return next
}

// forgetFilledLocked forgets the partitions that are in the base by now.
func (w *Watch) forgetFilledLocked() {
	maps.DeleteFunc(w.filled, func(oid uint32, _ filled) bool { _, known := w.base.leaves[oid]; return known })
}
