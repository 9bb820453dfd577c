package decode

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// maxVersions is how many versions of a table are kept. Older ones are for a stream that is more than one change of the
// table behind.
const maxVersions = 16

// version is a description of a table with the interval for which it is known: nothing has changed between two snapshots.
type version struct {
	description
	first, last *catalogSnapshot
}

// versions stores the descriptions read for each table, oldest first. Any goroutine may use it.
type versions struct {
	mu     sync.Mutex
	tables map[uint32][]version
	next   time.Time // of the watch, which owns this field
	from   uint32    // every transaction before it had ended when the first transaction of the stream did; 0: unknown
}

// forget discards everything that was read: it belongs to another server.
func (v *versions) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tables, v.from = map[uint32][]version{}, 0
}

// add stores a new reading, while the connection that read it is borrowed. It returns the tables that have another version
// now and must be read.
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
			if read { // the names of a collation or the default of a domain may have changed
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

// latest returns the last description that was read of a table; nil when there is none.
func (v *versions) latest(oid uint32) *description {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.tables[oid]
	if len(all) == 0 {
		return nil
	}
	d := all[len(all)-1].description
	return &d
}

// oids returns the tables that have versions.
func (v *versions) oids() []uint32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Keys(v.tables))
}

// at returns the first version that was read after a transaction, and the one before it; nil when there is none. A version
// that was the same before and after the transaction is exact: the table had it at that moment.
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

// ended records transactions that the stream has delivered completely on this connection: the last ones, and those that
// were requested.
type ended struct {
	wanted map[uint32]bool // value: it has ended
	last   [4096]uint32
	next   int
}

// begin records that the next transaction begins, so the last one has ended.
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

// current returns the transaction that the stream is in; 0: none has begun.
func (e *ended) current() uint32 { return e.last[e.next%len(e.last)] }

// want requests a transaction.
func (e *ended) want(xid uint32) {
	if _, there := e.wanted[xid]; !there {
		e.wanted[xid] = false
	}
}

// has reports whether the stream is known to be past a transaction.
func (e *ended) has(xid uint32) bool {
	return xid != e.current() && (e.wanted[xid] || slices.Contains(e.last[:], xid))
}

// equal reports whether a message has the columns of a description, ignoring generated ones.
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

// is reports whether a column of the catalogue has the name and the type of a column of a message.
func (a *attr) is(c pgoutput.Column) bool {
	return a.Name == c.Name && a.Type == c.Type && a.Modifier == c.Modifier
}
