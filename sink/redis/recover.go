package redis

import (
	"context"
	"errors"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
)

// recover waits after an error, reads what Redis has, and makes pending what it lacks. An error is final.
func (w *worker) recover(ctx context.Context, cause error) error {
	for {
		p := problemOf(cause)
		if !errors.Is(cause, protocol.ErrLost) && !errors.Is(cause, protocol.ErrLate) {
			w.block(p)
			wait := w.backoff.Next(cause)
			if p.Halted {
				wait = capture.HaltedRetryInterval
			}
			if err := capture.Sleep(ctx, wait); err != nil {
				return err
			}
		}
		if cause = w.resume(ctx); cause == nil {
			w.backoff.Reset()
			return nil
		}
		if errors.Is(cause, protocol.ErrFenced) {
			return cause
		}
	}
}

// resume compares the watermark in Redis with the journal. After a loss it deletes the heartbeat, and what is missing is pending.
func (w *worker) resume(ctx context.Context) error {
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
	w.sweep = w.sweep || !known
	return w.repair(ctx, text)
}

// repair takes the control keys over again where they are lost, and sets the watermark that the next call expects.
func (w *worker) repair(ctx context.Context, watermark string) error {
	if err := protocol.Check(w.node.library.Repair(ctx, w.node.client, w.node.guard(""), watermark)); err != nil {
		return err
	}
	w.node.owner.Watermark = watermark
	w.floor.restart(protocol.LSN(w.applied.Flush()))
	w.nextBeat = time.Time{}
	return nil
}

// sweepIfNeeded deletes the values, leases and negative marks of the rules' keys when invalidations of them may be missing.
func (w *worker) sweepIfNeeded(ctx context.Context) error {
	if !w.sweep {
		return nil
	}
	for _, pattern := range w.options.patterns() {
		if err := w.sweepPattern(ctx, pattern); err != nil {
			return err
		}
	}
	w.sweep = false
	return nil
}

func (w *worker) sweepPattern(ctx context.Context, pattern string) error {
	var cursor uint64
	for {
		found, next, err := w.node.client.Scan(ctx, cursor, pattern, sweepKeys).Result()
		if err != nil {
			return err
		}
		keys := make([]string, 0, len(found))
		for _, k := range found {
			if k = sweptKey(k); protocol.CheckKey(k) == nil && w.options.covers(k) {
				keys = append(keys, k)
			}
		}
		if len(keys) > 0 {
			cmd := w.node.library.Sweep(ctx, w.node.client, w.node.guard(""), w.node.epoch, keys...)
			if err := protocol.Check(cmd); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// sweepKeys is how many keys one step of a sweep looks at.
const sweepKeys = 500

// sweptKey returns the key that a scanned key belongs to: a sidecar's, or itself.
func sweptKey(k string) string {
	rest, sidecar := strings.CutPrefix(k, "~:")
	if !sidecar {
		return k
	}
	if strings.HasPrefix(rest, "{") && strings.IndexByte(rest, '}') == len(rest)-1 {
		return rest[1 : len(rest)-1]
	}
	return rest
}

// problemOf names an error of Redis or of the source.
func problemOf(err error) *capture.Problem {
	if p := capture.AsProblem(err); p != nil {
		return p
	}
	p := &capture.Problem{State: "redis_unreachable", Reason: "Redis does not answer", Err: err,
		Fix: "check that the server at url runs and can be reached; tailrace tries again by itself"}
	switch {
	case goredis.HasErrorPrefix(err, "NOAUTH"), goredis.HasErrorPrefix(err, "WRONGPASS"):
		p = &capture.Problem{State: "redis_denied", Halted: true, Usage: true, Reason: "authentication failed", Err: err,
			Fix: "check username and password of the sink"}
	case goredis.HasErrorPrefix(err, "NOPERM"):
		p = &capture.Problem{State: "redis_denied", Halted: true, Usage: true, Reason: "the user may not run a command", Err: err,
			Fix: "ACL SETUSER <user> ~* +@read +@write +@scripting +@connection +time"}
	case goredis.HasErrorPrefix(err, "READONLY"):
		p = &capture.Problem{State: "redis_readonly", Reason: "the server is a replica", Err: err,
			Fix: "let url point at the master, or use Sentinel"}
	case goredis.HasErrorPrefix(err, "OOM"):
		p = &capture.Problem{State: "redis_full", Reason: "Redis has no memory for tombstones", Err: err,
			Fix: "raise maxmemory, or set maxmemory-policy to volatile-ttl"}
	case goredis.HasErrorPrefix(err, "LOADING"), goredis.HasErrorPrefix(err, "MASTERDOWN"), goredis.HasErrorPrefix(err, "CLUSTERDOWN"):
		p.State, p.Reason = "redis_starting", "Redis is loading its data or electing a master"
	}
	return p
}

// invisible is the state of a source whose commits other sessions do not see for long.
func invisible() *capture.Problem {
	return &capture.Problem{
		State: "commits_invisible", Reason: "the source does not show its commits to other sessions: a synchronous standby is away",
		Fix: "bring the standby of synchronous_standby_names back, or change that setting; until then nothing more is invalidated",
	}
}
