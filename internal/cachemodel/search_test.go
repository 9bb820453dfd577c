package cachemodel

import (
	"fmt"
	"hash/maphash"
	"strings"
)

// search goes through all states of a model, breadth first, so that a counterexample is a shortest one.
type search struct {
	bounds

	states  []state
	parents []int32 // index of the state that each was reached from; -1: none
	table   []int32 // open addressing: index plus 1 of a state; 0: free
	seed    maphash.Seed

	from   int32
	labels bool // steps are being named: nothing is inserted
	named  []named
}

// named is a state with the step that leads to it.
type named struct {
	state state
	step  string
}

// result is what a search has found.
type result struct {
	states   int
	property string // that is violated; "": all hold
	trace    []string
}

// run searches for a violation of a property, or of any with "".
func run(b bounds, property string) result {
	m := &search{bounds: b, table: make([]int32, 1<<12), seed: maphash.MakeSeed()}
	m.from = -1
	for _, s := range b.start() {
		m.insert(s)
	}
	for i := 0; i < len(m.states); i++ {
		if p := m.violated(&m.states[i]); p != "" && (property == "" || p == property) {
			return result{len(m.states), p, m.trace(int32(i))}
		}
		m.from = int32(i)
		m.steps(m.states[i])
	}
	return result{states: len(m.states)}
}

func (m *search) steps(s state) {
	m.transactionSteps(s)
	m.daemonSteps(s)
	m.redisSteps(s)
	m.readerSteps(s)
}

// add adds a state that a step leads to.
func (m *search) add(s state, label string, args ...any) {
	s.forgetGone()
	m.normalize(&s)
	if m.labels {
		m.named = append(m.named, named{s, fmt.Sprintf(label, args...)})
		return
	}
	m.insert(s)
}

func (m *search) insert(s state) {
	if 2*len(m.states) >= len(m.table) {
		m.grow()
	}
	slot := m.slot(&s)
	if m.table[slot] != 0 {
		return
	}
	m.states, m.parents = append(m.states, s), append(m.parents, m.from)
	m.table[slot] = int32(len(m.states))
}

// slot returns the place of a state in the table.
func (m *search) slot(s *state) uint64 {
	mask := uint64(len(m.table) - 1)
	h := maphash.Comparable(m.seed, *s) & mask
	for m.table[h] != 0 && m.states[m.table[h]-1] != *s {
		h = (h + 1) & mask
	}
	return h
}

func (m *search) grow() {
	m.table = make([]int32, 2*len(m.table))
	for i := range m.states {
		m.table[m.slot(&m.states[i])] = int32(i + 1)
	}
}

// trace returns the steps that lead to a state, and what is there.
func (m *search) trace(i int32) []string {
	var path []int32
	for at := i; at >= 0; at = m.parents[at] {
		path = append(path, at)
	}
	m.labels = true
	var steps []string
	for n := len(path) - 1; n > 0; n-- {
		m.named = m.named[:0]
		m.steps(m.states[path[n]])
		for _, next := range m.named {
			if next.state == m.states[path[n-1]] {
				steps = append(steps, next.step)
				break
			}
		}
	}
	s := &m.states[i]
	return append(steps, fmt.Sprintf("=> value %v %v, negative mark %v %v; invalidations here %v, ever %v; visible %v", s.redis.hasValue,
		s.redis.value, s.redis.negative, s.redis.negativeValue, s.redis.ran, s.ever, s.onPrimary()))
}

func (r result) String() string { return "  " + strings.Join(r.trace, "\n  ") }
