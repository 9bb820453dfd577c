package cache

import (
	"sync/atomic"
	"time"
)

// retryPause is how long all calls bypass a Redis that has not answered. Then one call tries it.
const retryPause = time.Second

type breaker struct {
	until atomic.Int64 // in ns since 1970; 0: Redis answers
}

func (b *breaker) trip() { b.until.Store(time.Now().Add(retryPause).UnixNano()) }

// allow reports whether a call may ask Redis. After a pause that is one caller only, until reset.
func (b *breaker) allow() bool {
	until := b.until.Load()
	if until == 0 {
		return true
	}
	now := time.Now()
	return now.UnixNano() >= until && b.until.CompareAndSwap(until, now.Add(retryPause).UnixNano())
}

// reset is called when Redis has answered.
func (b *breaker) reset() {
	if b.until.Load() != 0 {
		b.until.Store(0)
	}
}
