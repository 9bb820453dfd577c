package cachecheck

import (
	"context"
	"crypto/rand"
	"strconv"
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
}

// leaseDuration is the duration that the protocol gives leases.
const leaseDuration = 3 * time.Second

// Read implements Client.
func (l *Leased) Read(ctx context.Context, ids []int) ([]int64, error) {
	return l.read(ctx, ids, l.load)
}

// load reads a key that was missing. A value that another reader has stored in between is not checked.
func (l *Leased) load(ctx context.Context, id int) error {
	token := rand.Text()
	lease, err := l.Library.Lease(ctx, l.Control, l.key(id), token, leaseDuration)
	if err != nil || lease.Outcome != protocol.Granted {
		return err
	}
	version, proven, err := l.Proof(ctx, lease, id)
	if err != nil {
		return err
	}
	if !proven {
		_, err := l.Library.Fill(ctx, l.Control, l.key(id), token, protocol.FillNone, "", 0)
		return err
	}
	l.after(l.Delay(), func() {
		_, _ = l.Library.Fill(ctx, l.Control, l.key(id), token, protocol.FillValue, strconv.FormatInt(version, 10), l.TTL)
	})
	return nil
}
