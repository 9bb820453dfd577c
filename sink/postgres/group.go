package postgres

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// group is what one target transaction applies, or, when it does not end with a commit, a piece of it.
type group struct {
	parts   []*part
	changes []*capture.Change // of all parts, in order
	end     capture.Position
	commit  bool
	state   []byte         // nil: as before
	last    capture.Commit // the last one that ends in it; zero: none does
	copied  bool           // it ends with the end of a first copy
}

func (g *group) reset() {
	clear(g.changes)
	clear(g.parts)
	*g = group{parts: g.parts[:0], changes: g.changes[:0]}
}

func (g *group) add(p *part) {
	g.parts = append(g.parts, p)
	for i := range p.changes {
		g.changes = append(g.changes, &p.changes[i])
	}
	g.end, g.commit, g.copied = p.end, p.commit, p.copied
	if p.state != nil {
		g.state = p.state
	}
	if !p.last.IsZero() {
		g.last = p.last
	}
}

// halves cuts a group of several transactions between two of them, near its middle; false when it is a single one. Both
// halves share its memory.
func (g *group) halves() (first, second group, ok bool) {
	n := len(g.changes)
	at := 0
	for i := 1; i < n; i++ {
		if g.changes[i].Tx.LSN != g.changes[i-1].Tx.LSN && (at == 0 || abs(i-n/2) < abs(at-n/2)) {
			at = i
		}
	}
	return g.cut(at)
}

// reshaped cuts a group before the first transaction that has another shape of a table than an earlier one: rows of the
// older shape have to be there before the target is altered, and nobody could have both otherwise. false: there is none.
func (g *group) reshaped() (first, second group, ok bool) {
	shapes, begin := map[uint32]*capture.Table{}, 0
	for i, c := range g.changes {
		if i > 0 && c.Tx.LSN != g.changes[i-1].Tx.LSN {
			begin = i
		}
		was := shapes[c.Table.OID]
		if was != nil && was != c.Table && c.Table.OID != 0 && begin > 0 {
			return g.cut(begin)
		}
		shapes[c.Table.OID] = c.Table
	}
	return *g, group{}, false
}

// cut makes two groups of one, the second of which begins with a transaction; false when at is its beginning.
func (g *group) cut(at int) (first, second group, ok bool) {
	if at == 0 {
		return *g, group{}, false
	}
	first = group{
		changes: g.changes[:at:at], end: capture.Position{LSN: g.changes[at].Tx.LSN}, commit: true, state: g.state,
		last: g.changes[at-1].Tx.Commit(g.changes[at].Tx.LSN),
	}
	second = group{changes: g.changes[at:], end: g.end, commit: g.commit, state: g.state, last: g.last, copied: g.copied}
	return first, second, true
}

func abs(n int) int { return max(n, -n) }

// copiedNothing says whether a group ends with the end of a first copy of which no row has come.
func (g *group) copiedNothing() bool {
	return g.copied && !slices.ContainsFunc(g.changes, func(c *capture.Change) bool { return c.Op == capture.Read && c.Tx.Snapshot() == g.end.LSN })
}
