package cache

import (
	"context"
	"sync"
)

// flights lets one caller per key and process load at a time. The others share what it has loaded, if its load began after their call:
// they get no value that is older than their call. Those that come during a load wait for it together, and find what it has stored.
//
// The load runs on the goroutine of the caller that leads the flight, with its context, and has ended when that caller returns.
type flights struct {
	mu    sync.Mutex
	byKey map[string]*flight
}

type flight struct {
	done     chan struct{}
	previous *flight // its load is running, and ends before the load of this one begins; the leader's
	loading  bool    // under flights.mu: callers cannot join any more

	answer answer // before done is closed
	shared bool   // the answer is that of a load, and no caller's own
}

func newFlights() *flights { return &flights{byKey: map[string]*flight{}} }

// join returns the flight of a key whose load has not begun, or a new one, which the caller leads.
func (f *flights) join(key string) (joined *flight, leads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	current := f.byKey[key]
	if current != nil && !current.loading {
		return current, false
	}
	joined = &flight{done: make(chan struct{}), previous: current}
	f.byKey[key] = joined
	return joined, true
}

// begin is called when the load begins.
func (f *flights) begin(led *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	led.loading = true
}

// end releases those who wait for a flight.
func (f *flights) end(key string, led *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(led.done)
	if f.byKey[key] != led {
		return
	}
	if led.previous != nil && !led.previous.ended() { // its leader has given up waiting
		f.byKey[key] = led.previous
		return
	}
	delete(f.byKey, key)
}

func (l *flight) ended() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// wait waits until a flight has ended.
func (l *flight) wait(ctx context.Context) error {
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lead waits for the previous load, if there is one, and calls run, which calls begin when it loads.
func (f *flights) lead(ctx context.Context, key string, led *flight, run func(begin func()) answer) answer {
	defer f.end(key, led)
	if led.previous != nil {
		if err := led.previous.wait(ctx); err != nil {
			return answer{err: err}
		}
	}
	a := run(func() { f.begin(led) })
	led.answer, led.shared = a, a.loaded && (a.err == nil || ctx.Err() == nil)
	return a
}
