package queue

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// Group is the changes that one target transaction applies, or, when it does not end with a commit, a piece of it.
type Group struct {
	chunks       []*chunk
	Changes      []*capture.Change // of all chunks, in order
	End          capture.Position
	Commit       bool
	State        []byte         // nil: unchanged
	Last         capture.Commit // the last commit in the group; zero: there is none
	endsSnapshot bool           // the group ends with the end of an initial copy
}

func (g *Group) reset() {
	clear(g.Changes)
	clear(g.chunks)
	*g = Group{chunks: g.chunks[:0], Changes: g.Changes[:0]}
}

func (g *Group) add(p *chunk) {
	g.chunks = append(g.chunks, p)
	for i := range p.changes {
		g.Changes = append(g.Changes, &p.changes[i])
	}
	g.End, g.Commit, g.endsSnapshot = p.end, p.commit, p.endsSnapshot
	if p.state != nil {
		g.State = p.state
	}
	if !p.last.IsZero() {
		g.Last = p.last
	}
}

// Halves splits a group between two of its transactions, near the middle. It returns false when the group is a single
// transaction. Both halves share the memory of the group.
func (g *Group) Halves() (first, second Group, ok bool) {
	n := len(g.Changes)
	at := 0
	for i := 1; i < n; i++ {
		if g.Changes[i].Tx.LSN != g.Changes[i-1].Tx.LSN && (at == 0 || abs(i-n/2) < abs(at-n/2)) {
			at = i
		}
	}
	return g.cut(at)
}

// SplitAtNewShape splits a group before the first transaction in which a table has another shape than in an earlier one: rows
// of the older shape must be written before the target is altered. It returns false when no shape changes.
func (g *Group) SplitAtNewShape() (first, second Group, ok bool) {
	shapes, begin := map[uint32]*capture.Table{}, 0
	for i, c := range g.Changes {
		if i > 0 && c.Tx.LSN != g.Changes[i-1].Tx.LSN {
			begin = i
		}
		was := shapes[c.Table.OID]
		if was != nil && was != c.Table && c.Table.OID != 0 && begin > 0 {
			return g.cut(begin)
		}
		shapes[c.Table.OID] = c.Table
	}
	return *g, Group{}, false
}

// cut splits a group at the first change of a transaction. It returns false when that is the first change of the group.
func (g *Group) cut(at int) (first, second Group, ok bool) {
	if at == 0 {
		return *g, Group{}, false
	}
	first = Group{
		Changes: g.Changes[:at:at], End: capture.Position{LSN: g.Changes[at].Tx.LSN}, Commit: true, State: g.State,
		Last: g.Changes[at-1].Tx.Commit(g.Changes[at].Tx.LSN),
	}
	second = Group{Changes: g.Changes[at:], End: g.End, Commit: g.Commit, State: g.State, Last: g.Last, endsSnapshot: g.endsSnapshot}
	return first, second, true
}

func abs(n int) int { return max(n, -n) }

// EndsEmptySnapshot reports whether the group ends with the end of an initial copy that has no rows.
func (g *Group) EndsEmptySnapshot() bool {
	return g.endsSnapshot && !slices.ContainsFunc(g.Changes, func(c *capture.Change) bool { return c.Op == capture.Read && c.Tx.Snapshot() == g.End.LSN })
}
