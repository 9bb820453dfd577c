package pipeline

import (
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// warnOfLostCommits says which commits a promotion of the source may have lost after their events had reached the sink. The
// sink's record is written after the events, so it may stand before them and show nothing: the stream then goes on rightly, and
// consumers have seen events of transactions that no longer are. Only the process that sent them knows.
func (d *delivery) warnOfLostCommits(now capture.Origin) {
	was := d.opened
	_, transactional := d.sink.(sink.Transactional)
	if d.sent.IsZero() || transactional || was.System != now.System || was.Timeline == now.Timeline {
		return
	}
	for _, t := range now.History {
		if t.ID == was.Timeline && t.End < d.sent.LSN {
			d.log.Warn("the source was promoted, and the sink may have events of commits that the promotion lost: those that end in this range "+
				"of the former timeline", zap.Stringer("after", t.End), zap.Stringer("up to", d.sent.LSN), zap.Uint32("timeline", was.Timeline),
				zap.Stringer("recorded", d.holding()))
			d.sent = capture.Position{}
		}
	}
}
