package redis

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// recover waits after an error, reads what Redis has, and makes pending what it lacks. An error is final.
func (w *worker) recover(ctx context.Context, cause error) error {
	for {
		p := w.options.problem(cause)
		quiet := errors.Is(cause, protocol.ErrLost) || errors.Is(cause, protocol.ErrLate)
		if !quiet {
			w.report(p)
		}
		if !quiet || time.Since(w.lastLoss) < time.Second {
			wait := w.backoff.Next(cause)
			if p.Halted {
				wait = capture.HaltedRetryInterval
			}
			if err := capture.Sleep(ctx, wait); err != nil {
				return err
			}
		}
		w.lastLoss = time.Now()
		if cause = w.resume(ctx, errors.Is(cause, protocol.ErrLost)); cause == nil {
			return nil
		}
		if errors.Is(cause, protocol.ErrFenced) {
			return sink.ErrFenced
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// resume compares the watermark in Redis with the journal. After a loss it deletes the heartbeat, and what is missing is pending. lost is
// whether a call has found a loss: that of the owner's token, where the watermark is the expected one.
func (w *worker) resume(ctx context.Context, lost bool) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	if err := w.node.library.Load(ctx); err != nil {
		return err
	}
	if err := w.node.clock(ctx); err != nil {
		return err
	}
	text, err := w.node.watermark(ctx)
	if err != nil {
		return err
	}
	lost = lost && text == w.node.owner.Watermark
	if text == w.node.owner.Watermark && text != "" && !lost && !w.lost {
		return nil
	}
	found, _ := parseWatermark(text)
	repeated, swept, known := w.journal.rewind(found)
	if w.lost = w.lost || lost || repeated > 0 || !known; !w.lost { // only the answers were lost
		w.node.owner.Watermark = text
		return nil
	}
	w.log.Warn("Redis has lost acknowledged writes", zap.Int("calls", repeated), zap.Bool("sweep", swept || !known))
	if swept || !known {
		w.sweep.requestAfterLoss()
	}
	if !known { // the journal may lack commits that are not visible yet
		w.journal.add(w.unseen.invalidations(), 0)
	}
	return w.repair(ctx, text)
}

// repair takes the control keys over again where they are lost, and deletes the heartbeat. The next call expects the watermark that was
// found.
func (w *worker) repair(ctx context.Context, found string) error {
	if err := w.node.replaceWatermark(ctx, found, found); err != nil {
		return err
	}
	if err := protocol.Check(w.node.library.Record(ctx, w.node.client, w.node.guard(found), w.node.record)); err != nil {
		return err
	}
	w.lost = false
	w.floor.restart(protocol.LSN(w.applied.Flush()))
	w.nextBeat, w.repaired = time.Time{}, true
	return nil
}
