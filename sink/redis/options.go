package redis

import (
	"cmp"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Options are the settings of a sink.
type Options struct {
	Pipeline string // the name of the source of the keys
	Client   func() (*goredis.Client, error)
	// Hold is for how long a commit that is applied is not durable: the source sends it again when the daemon restarts.
	Hold time.Duration
	// PlainFillers is whether clients fill keys without a lease: keys are deleted again after 250 ms and 2 s.
	PlainFillers bool
	// Prefixes are what the keys of the blocks begin with. Sweeps delete every key that begins with one.
	Prefixes []string
	Values   map[string]Value // how refreshed values are stored, by the prefix of their keys
	User     string           // of Redis; "": the default one

	// The bounds, in bytes. At the bound of the journal the oldest calls are dropped, so a loss of Redis is answered with a sweep;
	// at the others Write waits. 0: the default.
	Queue    int // commits between Write and the worker
	Journal  int // calls of the last hold, which can be repeated after a loss
	Unseen   int // commits that the source does not show yet
	Fillers  int // the repeated invalidations for plain fillers
	MaxValue int // of one refreshed value: a larger one is rejected
}

// Value is how the refreshed values of a block are stored.
type Value struct {
	TTL  time.Duration // 0: it does not expire
	Hash bool          // as a hash with the members of the object; otherwise as a string
}

// The defaults of the bounds.
const (
	queueBytes   = 4 << 20
	journalBytes = 64 << 20 // the keys of a minute at 10,000 a second
	unseenBytes  = 32 << 20
	fillerBytes  = 32 << 20 // the keys of 2 s at 120,000 a second
)

func (o *Options) setDefaults() {
	o.Queue, o.Journal = cmp.Or(o.Queue, queueBytes), cmp.Or(o.Journal, journalBytes)
	o.Unseen, o.Fillers = cmp.Or(o.Unseen, unseenBytes), cmp.Or(o.Fillers, fillerBytes)
	o.MaxValue = cmp.Or(o.MaxValue, maxValue)
}

// patterns are what SCAN matches for a sweep: all sidecars, and the keys of the blocks.
func (o *Options) patterns() []string {
	patterns := []string{"~:*"}
	for _, p := range o.Prefixes {
		patterns = append(patterns, globEscaper.Replace(p)+"*")
	}
	return patterns
}

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// covers reports whether a key is one of the blocks.
func (o *Options) covers(k string) bool {
	for _, p := range o.Prefixes {
		if strings.HasPrefix(k, p) {
			return true
		}
	}
	return false
}

// value returns how the refreshed value of a key is stored.
func (o *Options) value(k string) (v Value) {
	longest := -1
	for prefix, values := range o.Values {
		if strings.HasPrefix(k, prefix) && len(prefix) > longest {
			longest, v = len(prefix), values
		}
	}
	return v
}
