package redis

import (
	"context"
	"strings"
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
)

// sweep deletes the values, leases and negative marks of the blocks' keys. Sweeps are numbered: one that begins later covers those that
// were requested before it.
type sweep struct {
	requested uint64 // the number of the newest request
	running   uint64 // the newest request that the sweep under way covers; 0: none is
	done      uint64
	afterLoss uint64 // nothing counts as applied before this one is complete
	pattern   int
	cursor    uint64
}

func (s *sweep) request() { s.requested++ }

// requestAfterLoss begins from the start: keys that were swept may have come back.
func (s *sweep) requestAfterLoss() {
	s.requested++
	s.afterLoss, s.running = s.requested, 0
}

func (s *sweep) complete(number uint64) bool { return s.done >= number }
func (s *sweep) active() bool                { return s.done < s.requested }

// sweepSlice is how long a sweep goes on before commits have their turn, and sweepKeys how many keys one step looks at.
const (
	sweepSlice = 5 * time.Millisecond
	sweepKeys  = 500
)

// sweepOn continues a sweep for a slice of time.
func (w *worker) sweepOn(ctx context.Context) error {
	s := &w.sweep
	patterns := w.options.patterns()
	for began := time.Now(); s.active() && time.Since(began) < sweepSlice; {
		if s.running == 0 {
			s.running, s.pattern, s.cursor = s.requested, 0, 0
		}
		next, err := w.sweepStep(ctx, patterns[s.pattern], s.cursor)
		if err != nil {
			return err
		}
		if s.cursor = next; next != 0 {
			continue
		}
		if s.pattern++; s.pattern == len(patterns) {
			s.done, s.running = s.running, 0
			w.journal.markSwept()
		}
	}
	return nil
}

// sweepStep deletes what one step of a scan finds. A next of 0 ends the scan.
func (w *worker) sweepStep(ctx context.Context, pattern string, cursor uint64) (next uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	found, next, err := w.node.client.Scan(ctx, cursor, pattern, sweepKeys).Result()
	if err != nil {
		return 0, err
	}
	keys := make([]string, 0, len(found))
	for _, k := range found {
		if k = sweptKey(k); protocol.CheckKey(k) == nil && w.options.covers(k) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return next, nil
	}
	return next, protocol.Check(w.node.library.Sweep(ctx, w.node.client, w.node.guard(""), w.node.epoch, keys...))
}

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
