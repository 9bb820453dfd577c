package main

import (
	"fmt"
	"sync"
)

// arrivals checks what comes out of the topic. An order's changes carry the versions 1, 2, 3, ...: they must arrive in
// that order and without a gap; after a fault the last of them may arrive once more, again in order.
type arrivals struct {
	mu      sync.Mutex
	orders  map[int64]*order
	reads   int64 // rows of the snapshot
	fresh   int64 // changes that arrived for the first time
	again   int64 // changes that arrived again
	watched map[int64][]arrival
	err     error // the first error found
}

// order is what has arrived for one order.
type order struct {
	at      int64 // the version that arrived last
	high    int64 // the highest version that has arrived
	gone    bool  // the last event was its deletion
	deleted bool  // its deletion has arrived
}

func newArrivals() arrivals {
	return arrivals{orders: map[int64]*order{}, watched: map[int64][]arrival{}}
}

// take processes the next event of a partition.
func (a *arrivals) take(e arrival) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if list, ok := a.watched[e.id]; ok {
		a.watched[e.id] = append(list, e)
	}
	o := a.orders[e.id]
	switch {
	case e.op == "delete":
		return a.takeDelete(o, e)
	case o == nil && e.op == "read":
		a.reads++
		a.orders[e.id] = &order{at: e.version, high: e.version}
	case o == nil && e.version == 1:
		a.fresh++
		a.orders[e.id] = &order{at: 1, high: 1}
	case o == nil:
		return fmt.Errorf("order %d begins with version %d", e.id, e.version)
	case e.version == o.high+1 && o.at == o.high:
		a.fresh++
		o.at, o.high = e.version, e.version
	case e.version == o.at+1 && e.version <= o.high, e.version <= o.at:
		a.again++
		o.at, o.gone = e.version, false
	default:
		return fmt.Errorf("order %d: version %d follows version %d (highest so far: %d)", e.id, e.version, o.at, o.high)
	}
	return nil
}

func (a *arrivals) takeDelete(o *order, e arrival) error {
	if o == nil || o.at != o.high {
		return fmt.Errorf("order %d: its deletion comes before its last version", e.id)
	}
	if o.deleted {
		a.again++
	} else {
		a.fresh++
	}
	o.gone, o.deleted = true, true
	return nil
}

// compare compares what has arrived with the table.
func (a *arrivals) compare(table map[int64]int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	there := 0
	for id, o := range a.orders {
		if o.gone {
			continue
		}
		there++
		if version, ok := table[id]; !ok || version != o.at || o.at != o.high {
			return fmt.Errorf("order %d: the topic ends with version %d of %d, the table has version %d", id, o.at, o.high, version)
		}
	}
	if there != len(table) {
		return fmt.Errorf("the topic has %d orders, the table has %d", there, len(table))
	}
	return nil
}

// totals returns what has arrived so far, and the first error found.
func (a *arrivals) totals() (reads, fresh, again int64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reads, a.fresh, a.again, a.err
}

func (a *arrivals) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = err
	}
}

// watch keeps the events of an order from now on; seen returns them.
func (a *arrivals) watch(id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watched[id] = []arrival{}
}

func (a *arrivals) seen(id int64) []arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.watched[id]
}
