package protocol

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The conditions of a daemon's calls. A call that returns one of the first three has changed nothing.
var (
	ErrLate   = errors.New("the command arrived after its deadline")
	ErrLost   = errors.New("acknowledged writes are missing in Redis")
	ErrFenced = errors.New("another daemon has taken over the keys")
)

// ForeignKeyError is a key that the tombstone of another source covers. The other keys of the call were invalidated.
type ForeignKeyError struct{ Key string }

func (e *ForeignKeyError) Error() string {
	return fmt.Sprintf("key %q is invalidated by another source too", e.Key)
}

// Owner is a daemon that has opened the control keys of one master. Its calls do nothing once another one has.
type Owner struct {
	Control   Control
	Token     string
	Watermark string    // the last that was written or found; each call expects it
	Deadline  time.Time // by the Redis server's clock: a call that arrives later does nothing
}

// guard returns the first arguments of every call of the daemon.
func (o Owner) guard() []any {
	return []any{o.Control.Base(), o.Token, strconv.FormatInt(o.Deadline.UnixMilli(), 10), o.Watermark}
}

// Commit is a commit that invalidates a key.
type Commit struct {
	LSN LSN
	XID XID // 0: not known, and the commit visible
	// Visible: a snapshot that was taken before this call showed the commit. Otherwise the tombstone lists its XID.
	Visible bool
}

func (c Commit) args() []any {
	xid, visible := "", "0"
	if c.XID != 0 {
		xid = digits(c.XID)
	}
	if c.Visible {
		visible = "1"
	}
	return []any{digits(c.LSN), xid, visible}
}

// Invalidation is a key and the commit that changed what it depends on.
type Invalidation struct {
	Key    string // "": all keys, by the namespace's section
	Commit Commit
}

// Invalidate queues one call for up to 256 invalidations, which in a cluster lie in one slot, and writes the watermark.
func (l *Library) Invalidate(ctx context.Context, on redis.Cmdable, o Owner, watermark string, epoch Epoch, batch []Invalidation,
) *redis.Cmd {
	keys, args := make([]string, 0, 2*len(batch)), append(o.guard(), watermark, o.Control.Source, string(epoch))
	for _, i := range batch {
		if i.Key == "" {
			keys = append(keys, "", o.Control.Section())
		} else {
			keys = append(keys, i.Key, Sidecar(i.Key))
		}
		args = append(args, i.Commit.args()...)
	}
	return l.Call(ctx, on, "invalidate", keys, args...)
}

// Settlement names the commits of a key's tombstone that are visible to new snapshots now.
type Settlement struct {
	Key  string // "": the namespace's section
	XIDs []XID
}

// Settle queues one call for up to 256 settlements. The xmin is that of the snapshot that showed the commits.
func (l *Library) Settle(ctx context.Context, on redis.Cmdable, o Owner, epoch Epoch, xmin XID, batch []Settlement) *redis.Cmd {
	keys, args := make([]string, 0, len(batch)), append(o.guard(), string(epoch), digits(xmin))
	for _, s := range batch {
		if s.Key == "" {
			keys = append(keys, o.Control.Section())
		} else {
			keys = append(keys, Sidecar(s.Key))
		}
		args = append(args, len(s.XIDs))
		for _, xid := range s.XIDs {
			args = append(args, digits(xid))
		}
	}
	return l.Call(ctx, on, "settle", keys, args...)
}

// Refreshment is a value that the daemon stores itself.
type Refreshment struct {
	Key    string
	Commit Commit
	TTL    time.Duration // 0: the value does not expire
	Value  *string       // as a string; nil: Fields, or neither and the key is deleted
	Fields []string      // as a hash: names and values in turn
}

// Refresh queues one call, which stores the value unless a newer commit has invalidated or refreshed the key.
func (l *Library) Refresh(ctx context.Context, on redis.Cmdable, o Owner, watermark string, epoch Epoch, r Refreshment) *redis.Cmd {
	args := append(o.guard(), watermark, o.Control.Source, string(epoch))
	args = append(append(args, r.Commit.args()...), r.TTL.Milliseconds())
	switch {
	case r.Value != nil:
		args = append(args, "S", *r.Value)
	case r.Fields != nil:
		args = append(args, "H")
		for _, f := range r.Fields {
			args = append(args, f)
		}
	default:
		args = append(args, "D")
	}
	return l.Call(ctx, on, "refresh", []string{r.Key, Sidecar(r.Key)}, args...)
}

// Beat queues a heartbeat that expires after ttl.
func (l *Library) Beat(ctx context.Context, on redis.Cmdable, o Owner, h Heartbeat, ttl time.Duration) *redis.Cmd {
	args := append(o.guard(), string(h.Epoch), digits(h.Applied), digits(h.Floor), strconv.FormatInt(h.Time.UnixMicro(), 10),
		ttl.Milliseconds())
	return l.Call(ctx, on, "heartbeat", nil, args...)
}

// Record queues the replacement of the daemon's record.
func (l *Library) Record(ctx context.Context, on redis.Cmdable, o Owner, record string) *redis.Cmd {
	return l.Call(ctx, on, "record", nil, append(o.guard(), record)...)
}

// Opened is what a daemon finds when it takes over the control keys.
type Opened struct {
	Record    string // "": none
	Watermark string // "": none
	Now       time.Time
}

// Own makes the token the owner. From then on the calls of earlier owners do nothing (I8).
func (l *Library) Own(ctx context.Context, on redis.Cmdable, c Control, token string) *redis.Cmd {
	return l.Call(ctx, on, "own", nil, c.Base(), token)
}

// ParseOpened reads the answer to Own.
func ParseOpened(cmd *redis.Cmd) (o Opened, err error) {
	f, err := cmd.StringSlice()
	if err != nil {
		return o, err
	}
	if len(f) != 3 {
		return o, fmt.Errorf("unexpected answer of own: %q", f)
	}
	ms, err := strconv.ParseInt(strings.TrimSuffix(f[2], ".0"), 10, 64)
	return Opened{Record: f[0], Watermark: f[1], Now: time.UnixMilli(ms)}, err
}

// Repair queues the replacement of the watermark, which is o's or ErrLost, and the deletion of the heartbeat. It takes the control keys
// over where Redis has lost the owner's token too.
func (l *Library) Repair(ctx context.Context, on redis.Cmdable, o Owner, watermark string) *redis.Cmd {
	return l.Call(ctx, on, "repair", nil, append(o.guard(), watermark)...)
}

// Sweep queues the deletion of values, leases and negative marks, which in a cluster lie in one slot. Tombstones stay, and those of
// epochs before the given one lose their xids.
func (l *Library) Sweep(ctx context.Context, on redis.Cmdable, o Owner, epoch Epoch, keys ...string) *redis.Cmd {
	return l.Call(ctx, on, "sweep", withSidecars(keys), o.Control.Base(), o.Token,
		strconv.FormatInt(o.Deadline.UnixMilli(), 10), string(epoch))
}

// Check returns the error of a daemon's call: a failed command, one of the conditions, or nil.
func Check(cmd *redis.Cmd) error {
	f, err := cmd.StringSlice()
	switch {
	case err != nil:
		return err
	case len(f) == 0:
		return errors.New("unexpected empty answer")
	}
	switch f[0] {
	case "OK":
		return nil
	case "LATE":
		return ErrLate
	case "LOST":
		return ErrLost
	case "FENCED":
		return ErrFenced
	case "SOURCE":
		return &ForeignKeyError{Key: f[len(f)-1]}
	}
	return fmt.Errorf("unexpected answer %q", f)
}
