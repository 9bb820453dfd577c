package cachecheck

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/cache/protocol"
)

// Leased is a client that fills under a lease, when its proof holds.
type Leased struct {
	Cache
	Library *protocol.Library
	Control protocol.Control
	Proof   Proof
	fills

	refused, overflowed atomic.Int64
}

// Races returns how often a proof has refused a value, and how many leases had an overflow: more commits that may not be visible than a
// tombstone lists. Where the first is zero, no race has occurred, and a run shows nothing.
func (l *Leased) Races() (refused, overflowed int64) { return l.refused.Load(), l.overflowed.Load() }

// leaseDuration is the duration that the protocol gives leases.
const leaseDuration = 3 * time.Second

// Read implements Client.
func (l *Leased) Read(ctx context.Context, keys []int) ([][]int64, error) {
	return l.read(ctx, keys, l.load)
}

// load reads a key that was missing. A value that another reader has stored in between is not checked.
func (l *Leased) load(ctx context.Context, key int) error {
	token := rand.Text()
	lease, err := l.Library.Lease(ctx, l.Control, l.name(key), token, leaseDuration)
	if err != nil || lease.Outcome != protocol.Granted {
		return err
	}
	if lease.Key.Overflow != 0 {
		l.overflowed.Add(1)
	}
	versions, proven, err := l.Proof(ctx, lease, l.RowsOf(key))
	if err != nil {
		return err
	}
	if !proven {
		l.refused.Add(1)
		_, err := l.Library.Fill(ctx, l.Control, l.name(key), token, protocol.FillNone, "", 0)
		return err
	}
	l.after(l.Delay(), func() {
		_, _ = l.Library.Fill(ctx, l.Control, l.name(key), token, protocol.FillValue, encode(versions), l.TTL)
	})
	return nil
}
