package cache

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Option is what New takes besides the client and the source: a Proof, or one of the functions below.
type Option interface{ apply(*settings) }

type option func(*settings)

func (o option) apply(s *settings) { o(s) }

type settings struct {
	proof        Proof
	ttl          time.Duration
	negativeTTL  time.Duration
	wait         time.Duration
	maxStaleness time.Duration
	staleOnError time.Duration
	codec        Codec
	hooks        Hooks
}

const (
	leaseDuration = 3 * time.Second
	// minMaxStaleness is three pauses of the heartbeat, which is written and read once per second.
	minMaxStaleness = 3 * time.Second
)

func defaultSettings() settings {
	return settings{ttl: 10 * time.Minute, negativeTTL: time.Minute, wait: 100 * time.Millisecond, codec: JSON{}}
}

func (s *settings) check() error {
	switch {
	case s.proof.db == nil:
		return errors.New("no proof: give OnPrimary, OnStandby or OnReplica with the database that load reads")
	case s.ttl < time.Millisecond:
		return fmt.Errorf("TTL %v is below 1 ms", s.ttl)
	case s.negativeTTL < 0 || s.wait < 0:
		return errors.New("NegativeTTL and Wait cannot be negative")
	case s.maxStaleness != 0 && s.maxStaleness < minMaxStaleness:
		return fmt.Errorf("MaxStaleness %v is below %v, the age that the heartbeat may always have", s.maxStaleness, minMaxStaleness)
	case s.staleOnError != 0 && s.staleOnError <= s.maxStaleness, s.staleOnError != 0 && s.maxStaleness == 0:
		return errors.New("StaleOnError has to be greater than MaxStaleness, which has to be set")
	case s.codec == nil:
		return errors.New("the codec is nil")
	}
	return nil
}

// TTL sets how long a value is kept at most, give or take 10 %, so that values that were stored together do not expire together.
// 10 minutes if it is not set.
func TTL(d time.Duration) Option { return option(func(s *settings) { s.ttl = d }) }

// NegativeTTL sets how long it is remembered that a row does not exist. Like a value, that is forgotten when a commit invalidates the
// key. 1 minute if it is not set; 0: never.
func NegativeTTL(d time.Duration) Option { return option(func(s *settings) { s.negativeTTL = d }) }

// Wait sets how long a miss waits for another process that loads the same key; then it loads too, and does not store the value. 100 ms
// if it is not set.
func Wait(d time.Duration) Option { return option(func(s *settings) { s.wait = d }) }

// MaxStaleness makes reads bypass the cache while the daemon's heartbeat is older. It is 3 s or more; 0, which is the default: hits are
// served however old the heartbeat is.
func MaxStaleness(d time.Duration) Option { return option(func(s *settings) { s.maxStaleness = d }) }

// StaleOnError serves the value in Redis, marked as Stale, when the heartbeat is older than MaxStaleness, load has failed, and the
// last heartbeat that this process has read is not older than d: that bounds the age of what is served. The bound does not cover
// invalidations that Redis itself has lost, which only the daemon can notice.
func StaleOnError(d time.Duration) Option { return option(func(s *settings) { s.staleOnError = d }) }

// WithCodec sets how values are stored. JSON if it is not set.
func WithCodec(codec Codec) Option { return option(func(s *settings) { s.codec = codec }) }

// WithHooks sets the callbacks for metrics and logs.
func WithHooks(h Hooks) Option { return option(func(s *settings) { s.hooks = h }) }

// jitter returns d, give or take 10 %.
func jitter(d time.Duration) time.Duration {
	return max(time.Millisecond, time.Duration(float64(d)*(0.9+0.2*rand.Float64())))
}
