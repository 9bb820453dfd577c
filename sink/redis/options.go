package redis

import (
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Options are the settings of a sink.
type Options struct {
	Pipeline string // the name of the source of the keys
	Client   func() (goredis.UniversalClient, error)
	// Hold is for how long a commit that is applied is not durable: the source sends it again when the daemon restarts.
	Hold time.Duration
	// PlainFillers is whether clients fill keys without a lease: keys are deleted again after 250 ms and 2 s.
	PlainFillers bool
	// Prefixes are what the keys of the blocks begin with. Sweeps delete every key that begins with one.
	Prefixes []string
	TTLs     map[string]time.Duration // of refreshed values, by prefix; 0 or missing: they do not expire
	Queue    int                      // bytes between Write and the worker; 0: 4 MiB
	Journal  int                      // bytes of calls that can be repeated after a loss; 0: 64 MiB
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

// TTL returns how long a refreshed value of a key lives; 0: until it is deleted.
func (o *Options) TTL(k string) (ttl time.Duration) {
	longest := -1
	for prefix, d := range o.TTLs {
		if strings.HasPrefix(k, prefix) && len(prefix) > longest {
			longest, ttl = len(prefix), d
		}
	}
	return ttl
}
