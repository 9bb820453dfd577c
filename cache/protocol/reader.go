package protocol

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Outcome is what a lease call found.
type Outcome uint8

// The outcomes of Lease.
const (
	Hit      Outcome = iota + 1 // a value
	Negative                    // a negative mark: the row is known to be absent
	Wait                        // another reader has the lease
	Granted                     // the caller has it, and may fill after a proof
)

// Lease is the answer to a lease call.
type Lease struct {
	Outcome   Outcome
	Value     string        // Hit
	Wait      time.Duration // Wait: until the other reader's lease lapses
	Key       Section       // Granted: of the key
	Namespace Section       // Granted: of all keys
	Heartbeat Heartbeat     // Granted: as of the grant
}

// Heartbeat is what the daemon writes every second while it has applied all that it has received.
type Heartbeat struct {
	Epoch   Epoch     // "": there is none
	Applied LSN       // every commit up to it has invalidated its keys
	Floor   LSN       // tombstones of commits up to it may have lapsed: a standby has to have replayed it
	Time    time.Time // by the Redis server's clock: commits up to it have invalidated their keys
}

// LeaseArgs returns the keys and arguments of a lease call for k. The token is the caller's, and no other call's. A lease lasts 30 s at
// most.
func LeaseArgs(c Control, k, token string, duration time.Duration) (keys []string, args []any) {
	return []string{k, Sidecar(k)}, []any{c.Base(), token, duration.Milliseconds()}
}

// ParseLease reads the answer to a lease call.
func ParseLease(cmd *redis.Cmd) (l Lease, err error) {
	f, err := cmd.StringSlice()
	if err != nil {
		return l, err
	}
	switch {
	case len(f) == 2 && f[0] == "HIT":
		return Lease{Outcome: Hit, Value: f[1]}, nil
	case len(f) == 1 && f[0] == "NEG":
		return Lease{Outcome: Negative}, nil
	case len(f) == 2 && f[0] == "WAIT":
		ms, err := strconv.ParseInt(f[1], 10, 64)
		return Lease{Outcome: Wait, Wait: time.Duration(ms) * time.Millisecond}, err
	case len(f) != 14 || f[0] != "GRANT":
		return l, fmt.Errorf("unexpected answer of lease: %q", f)
	}
	l.Outcome = Granted
	if l.Key, err = parseSection(f[2], f[3], f[4], f[5]); err != nil {
		return l, err
	}
	if l.Namespace, err = parseSection(f[6], f[7], f[8], f[9]); err != nil {
		return l, err
	}
	l.Heartbeat, err = parseHeartbeat(f[10:])
	return l, err
}

func parseHeartbeat(f []string) (h Heartbeat, err error) {
	if f[0] == "" {
		return h, nil
	}
	h.Epoch = Epoch(f[0])
	if h.Applied, err = parseDigits[LSN](f[1]); err != nil {
		return h, err
	}
	if h.Floor, err = parseDigits[LSN](f[2]); err != nil {
		return h, err
	}
	us, err := strconv.ParseInt(f[3], 10, 64)
	h.Time = time.UnixMicro(us).UTC()
	return h, err
}

// FillKind is what a reader stores under its lease.
type FillKind string

// The kinds of fill.
const (
	FillValue    FillKind = "V"
	FillNegative FillKind = "N" // known to be absent
	FillNone     FillKind = "X" // nothing: the lease is given back
)

// FillArgs returns the keys and arguments of a fill call.
func FillArgs(c Control, k, token string, kind FillKind, value string, ttl time.Duration) (keys []string, args []any) {
	return []string{k, Sidecar(k)}, []any{c.Base(), token, string(kind), ttl.Milliseconds(), value}
}

// ParseFill reads the answer to a fill call. It reports false when nothing was stored, as the lease is no longer live: it lapsed, or
// an invalidation ran.
func ParseFill(cmd *redis.Cmd) (stored bool, err error) {
	n, err := cmd.Int()
	return n == 1, err
}

// Fill stores what a reader has read, and returns as ParseFill. The ttl is above zero unless the kind is FillNone.
func (l *Library) Fill(ctx context.Context, c Control, k, token string, kind FillKind, value string, ttl time.Duration) (bool, error) {
	keys, args := FillArgs(c, k, token, kind, value, ttl)
	return ParseFill(l.Do(ctx, "fill", keys, args...))
}

// Lease asks for the lease on k.
func (l *Library) Lease(ctx context.Context, c Control, k, token string, duration time.Duration) (Lease, error) {
	keys, args := LeaseArgs(c, k, token, duration)
	return ParseLease(l.Do(ctx, "lease", keys, args...))
}

// Written invalidates keys for a writer whose commit has returned; lsn was read after the commit. In a cluster all keys lie in one
// slot.
func (l *Library) Written(ctx context.Context, c Control, lsn LSN, keys ...string) error {
	return l.Do(ctx, "written", withSidecars(keys), c.Base(), c.Source, digits(lsn)).Err()
}

func withSidecars(keys []string) []string {
	pairs := make([]string, 0, 2*len(keys))
	for _, k := range keys {
		pairs = append(pairs, k, Sidecar(k))
	}
	return pairs
}

// ReadHeartbeat reads the heartbeat; its Epoch is "" when there is none.
func (l *Library) ReadHeartbeat(ctx context.Context, c Control) (Heartbeat, error) {
	f, err := l.Do(ctx, "last_heartbeat", nil, c.Base()).StringSlice()
	if err != nil {
		return Heartbeat{}, err
	}
	if len(f) != 4 {
		return Heartbeat{}, fmt.Errorf("unexpected answer of last_heartbeat: %q", f)
	}
	return parseHeartbeat(f)
}
