package redis

import "time"

// When keys are invalidated again for clients that fill them without a lease.
const (
	fillerDelay1 = 250 * time.Millisecond
	fillerDelay2 = 2 * time.Second
)

// fillers are invalidations for clients that fill keys without a lease: once more after each of the delays.
type fillers struct {
	first, second []delayed
	bytes         int // of the second ones, which share their keys with the first
}

type delayed struct {
	at  time.Time
	ops []keyed
}

func (f *fillers) schedule(ops []keyed, now time.Time) {
	repeated := make([]keyed, 0, len(ops))
	for _, o := range ops {
		if !o.stores() {
			repeated = append(repeated, o)
		}
	}
	if len(repeated) == 0 {
		return
	}
	f.first = append(f.first, delayed{now.Add(fillerDelay1), repeated})
	f.second = append(f.second, delayed{now.Add(fillerDelay2), repeated})
	f.bytes += sizeOf(repeated)
}

// due removes and returns what is due.
func (f *fillers) due(now time.Time) (ops []keyed) {
	take := func(list []delayed) []delayed {
		for len(list) > 0 && !list[0].at.After(now) {
			ops = append(ops, list[0].ops...)
			list = list[1:]
		}
		return list
	}
	f.first = take(f.first)
	n := len(ops)
	f.second = take(f.second)
	f.bytes -= sizeOf(ops[n:])
	return ops
}

// next returns when the next one is due.
func (f *fillers) next() (at time.Time, waits bool) {
	for _, list := range [][]delayed{f.first, f.second} {
		if len(list) > 0 && (!waits || list[0].at.Before(at)) {
			at, waits = list[0].at, true
		}
	}
	return at, waits
}
