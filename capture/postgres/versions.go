package postgres

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// maxVersions is how many versions of a table are kept. Older ones are for a stream that lags behind more changes of it.
const maxVersions = 16

// version is a description of a table with the time that it is known for: nothing has changed between two snapshots.
type version struct {
	description
	first, last *catalogSnapshot
}

// versions are what was read of each table, oldest first. Any goroutine may use it.
type versions struct {
	mu     sync.Mutex
	tables map[uint32][]version
	next   time.Time // of the watch, whose field this is
	from   uint32    // every transaction of the stream ended after all those before it; 0: not known
}

// forget forgets all that was read: it is of another server.
func (v *versions) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tables, v.from = map[uint32][]version{}, 0
}

// add takes over what was read last, while the connection that read it is borrowed. It returns the tables that have another version
// now, which has to be read.
func (v *versions) add(r *catalogView) (changed []uint32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for oid, fingerprint := range r.fingerprints {
		all := v.tables[oid]
		n := len(all)
		d, read := r.tables[oid]
		switch {
		case n > 0 && all[n-1].fingerprint == fingerprint:
			all[n-1].last = &r.snapshot
			if read { // the names of a collation or a default of a domain may be others
				all[n-1].description = d
			}
		case read:
			if n == maxVersions {
				all = slices.Clone(all[1:])
			}
			v.tables[oid] = append(all, version{description: d, first: &r.snapshot, last: &r.snapshot})
		default:
			changed = append(changed, oid)
		}
	}
	return changed
}

// oids are the tables that there are versions of.
func (v *versions) oids() []uint32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Keys(v.tables))
}

// at returns the first version that was read after a transaction, and the one before it; nil where there is none. A version that was
// the same before and after the transaction is exact: it is the table's of that moment.
func (v *versions) at(oid, xid uint32) (after, before *version, exact bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.tables[oid]
	for i := range all {
		if !all[i].last.sees(xid) {
			before = &version{}
			*before = all[i]
			continue
		}
		after := all[i]
		return &after, before, !after.first.sees(xid)
	}
	return nil, before, false
}

// ended knows transactions that the stream has brought whole on this connection: the last ones, and those that are asked for.
type ended struct {
	wanted map[uint32]bool // value: it has ended
	last   [4096]uint32
	next   int
}

// begin notes that the next transaction begins, so that the last one has ended.
func (e *ended) begin(xid uint32) {
	if len(e.wanted) > 0 {
		if last := e.current(); last != 0 {
			if _, wanted := e.wanted[last]; wanted {
				e.wanted[last] = true
			}
		}
	}
	e.next++
	e.last[e.next%len(e.last)] = xid
}

// current is the transaction that the stream is in; 0: none has begun.
func (e *ended) current() uint32 { return e.last[e.next%len(e.last)] }

// want asks for a transaction.
func (e *ended) want(xid uint32) {
	if _, there := e.wanted[xid]; !there {
		e.wanted[xid] = false
	}
}

// has reports whether the stream is known to be past a transaction.
func (e *ended) has(xid uint32) bool {
	return xid != e.current() && (e.wanted[xid] || slices.Contains(e.last[:], xid))
}

// equal reports whether a message has the columns of a description, leaving out generated ones.
func (d *description) equal(m *pgoutput.Relation) bool {
	i := 0
	for _, a := range d.columns {
		if i < len(m.Columns) && a.is(m.Columns[i]) {
			i++
		} else if !a.Generated {
			return false
		}
	}
	return i == len(m.Columns)
}

// is reports whether a column of the catalogue has the name and the type of a message's.
func (a *attr) is(c pgoutput.Column) bool {
	return a.Name == c.Name && a.Type == c.Type && a.Modifier == c.Modifier
}
