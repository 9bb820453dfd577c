package pipeline

import (
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// warnOfLostCommits logs which commits a promotion of the source may have lost after their events had reached the sink. The
// sink's record is written after the events, so it may end before them: the start rule then rightly finds no gap, although
// consumers have seen events of transactions that no longer exist. Only the process that sent them knows.
func (r *sinkRunner) warnOfLostCommits(now capture.Origin) {
	was := r.origin
	_, transactional := r.sink.(sink.Transactional)
	if r.lastEventEnd.IsZero() || transactional || was.System != now.System || was.Timeline == now.Timeline {
		return
	}
	for _, t := range now.History {
		if t.ID == was.Timeline && t.End < r.lastEventEnd.LSN {
			r.log.Warn("the source was promoted, and the sink may have events of commits that the promotion lost: those that end in this range "+
				"of the former timeline", zap.Stringer("after", t.End), zap.Stringer("up to", r.lastEventEnd.LSN), zap.Uint32("timeline", was.Timeline),
				zap.Stringer("recorded", r.durable()))
			r.lastEventEnd = capture.Position{}
		}
	}
}
