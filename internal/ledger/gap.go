package ledger

import (
	"fmt"

	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// Gap is O1: the first-seen versions of a row follow each other without a gap. A delete counts as one
// version; a later insert of the key continues from there. Rows of ledger.badge change their keys, so their chain follows
// the column serial, over all partitions, in the order of commits.
type Gap struct {
	found findings
	seen  once
	rows  map[string]*chain
	moved []Observation // of ledger.badge, for the end
	reads bool          // the history begins with a snapshot: a row may have been deleted before it
}

type chain struct {
	ver  int64
	dead bool
	read bool // the last thing seen is the snapshot
}

// NewGap returns the oracle.
func NewGap() *Gap { return &Gap{seen: once{}, rows: map[string]*chain{}} }

// Observe adds the next event.
func (g *Gap) Observe(o Observation) {
	if o.Table == workload.TxLog || !g.seen.first(o) {
		return
	}
	g.reads = g.reads || o.snapshot()
	if o.Table == workload.Badge {
		g.moved = append(g.moved, o)
		return
	}
	g.follow(o.Subject(), o)
}

// Done follows the rows whose keys change, and returns the findings.
func (g *Gap) Done() []error {
	inCommitOrder(g.moved)
	for _, o := range g.moved {
		switch {
		case o.Op == "delete": // the old key's half of an update
		case o.Image.Serial == nil:
			g.found.add("O1 gap: %s has no serial", o)
		default:
			g.follow(fmt.Sprintf("%s serial %d", workload.Badge, *o.Image.Serial), o)
		}
	}
	return g.found.all()
}

func (g *Gap) follow(name string, o Observation) {
	c := g.rows[name]
	if o.Op == "delete" {
		g.end(name, c, o)
		return
	}
	if o.Image.Ver == nil || o.Image.Prev == nil {
		g.found.add("O1 gap: %s: %s has no ver or prev_ver", name, o)
		return
	}
	ver, prev := *o.Image.Ver, *o.Image.Prev
	switch {
	case o.snapshot():
		if c != nil && (!c.read || ver < c.ver) {
			g.found.add("O1 gap: %s: a snapshot's row comes after ver %d: %s", name, c.ver, o)
		}
	case ver != prev+1:
		g.found.add("O1 gap: %s: ver %d does not follow prev_ver %d: %s", name, ver, prev, o)
	case c == nil:
		if o.Op == "update" || (prev != 0 && !g.reads) {
			g.found.add("O1 gap: %s begins with ver %d after an unseen ver %d: %s", name, ver, prev, o)
		}
	case prev != c.ver:
		g.found.add("O1 gap: %s: ver %d was seen, then ver %d with prev_ver %d: %s", name, c.ver, ver, prev, o)
	case o.Table != workload.Badge && c.dead != (o.Op == "insert"):
		g.found.add("O1 gap: %s: a delete or an insert is missing before ver %d: %s", name, ver, o)
	}
	g.rows[name] = &chain{ver: ver, read: o.snapshot()}
}

func (g *Gap) end(name string, c *chain, o Observation) {
	if c == nil || c.dead {
		g.found.add("O1 gap: %s: deleted, but no row was seen before: %s", name, o)
		return
	}
	c.ver, c.dead, c.read = c.ver+1, true, false
}
