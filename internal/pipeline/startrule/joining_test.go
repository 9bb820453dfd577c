package startrule

import "fmt"

// joining is what happens to a sink whose target is made new: it gets a copy of all rows, of one point, next to the stream. Other
// sinks of the lane are there only in that they hold more, and so confirm the slot.
func (m *model) joining() []step {
	if !m.joins {
		return nil
	}
	return []step{
		plain("the target is made new", func(w *world) bool { return w.wipes > 0 && w.owner == noDaemon }, func(w *world) {
			w.wipes--
			k := &w.sinks[0]
			k.holds, k.accepted, k.record = 0, 0, rec{kind: none}
		}),
		plain("a copy begins", func(w *world) bool { return w.joins && w.point == 0 && w.seen == w.edition }, func(w *world) {
			w.point = w.end
		}),
		plain("a part of the copy is recorded", func(w *world) bool { return w.point > 0 && w.sinks[0].record.kind != partial }, func(w *world) {
			w.sinks[0].record = w.recordAt(w.point, partial)
		}),
		plain("the other sinks hold more", func(w *world) bool { return w.joins }, func(w *world) {
			to := w.point
			if m.lets {
				to = w.end
			}
			w.confirmed = max(w.confirmed, to)
		}),
		{"the copy ends", func(w *world) (bool, error) {
			if w.point == 0 {
				return false, nil
			}
			return true, w.finish()
		}},
	}
}

// recordAt is a record of a copy, at a position of the owner's stream.
func (w *world) recordAt(position, kind uint8) rec {
	return rec{position: position, edition: w.seen, timeline: w.timeline, branch: w.branch, kind: kind}
}

// finish brings a copy to its end: the rows that the source had at its point, which is recorded. The error is a violation.
func (w *world) finish() error {
	if w.confirmed > w.point {
		return fmt.Errorf("the slot is confirmed up to %d, the copy is of %d", w.confirmed, w.point)
	}
	k := &w.sinks[0]
	for i := range w.point {
		if row := w.log[i].row; row != 0 {
			k.holds |= 1 << row
		}
	}
	k.record = w.recordAt(w.point, whole)
	k.record.commit, k.record.copied = w.point-1, true
	w.stop()
	return nil
}
