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
		if cause = w.resume(ctx); cause == nil {
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

// resume compares the watermark in Redis with the journal. After a loss it deletes the heartbeat, and what is missing is pending.
func (w *worker) resume(ctx context.Context) error {
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
	if text == w.node.owner.Watermark && text != "" {
		return nil
	}
	found, _ := parseWatermark(text)
	repeated, known := w.journal.rewind(found)
	if known && repeated == 0 { // only the answers were lost
		w.node.owner.Watermark = text
		return nil
	}
	w.log.Warn("Redis has lost acknowledged writes", zap.Int("calls", repeated), zap.Bool("sweep", !known))
	if !known {
		w.sweep.requestAfterLoss()
	}
	return w.repair(ctx, text)
}

// repair takes the control keys over again where they are lost, and sets the watermark that the next call expects.
func (w *worker) repair(ctx context.Context, watermark string) error {
	if err := protocol.Check(w.node.library.Repair(ctx, w.node.client, w.node.guard(""), watermark)); err != nil {
		return err
	}
	if err := protocol.Check(w.node.library.Record(ctx, w.node.client, w.node.guard(watermark), w.node.record)); err != nil {
		return err
	}
	w.node.owner.Watermark = watermark
	w.floor.restart(protocol.LSN(w.applied.Flush()))
	w.nextBeat, w.repaired = time.Time{}, true
	return nil
}
