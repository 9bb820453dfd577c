package publication

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// A publication refers to tables by OID, the file by name. After a table was renamed, moved to another schema or swapped
// with another one, a managed publication publishes a table that the file does not name. docs/decisions/0007 has the rule.

// naming records what the source knows about the names of its tables. Any goroutine may use it.
type naming struct {
	mu       sync.Mutex
	recorded bool              // a sink's record has a fingerprint
	known    map[uint32]bool   // hashes of the table names in these fingerprints
	began    uint64            // transactions from this one on began after the process had acquired the slot
	strays   map[uint32]string // the name under which a published table was seen and that the file does not have, by OID
	stamped  bool              // these tables got new rows in the publication
	found    []string          // what the last check found
}

// learn records the names of a fingerprint in a sink's record.
func (n *naming) learn(was *Fingerprint) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.recorded = true
	if n.known == nil {
		n.known = map[uint32]bool{}
	}
	for i := range was.tables {
		n.known[was.tables[i].name] = true
	}
}

// stray records that a published table has, or had, a name that the file does not have.
func (n *naming) stray(oid uint32, what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.strays == nil {
		n.strays = map[uint32]string{}
	}
	n.strays[oid] = what
}

// strayed returns the OIDs of the tables for which stray was called.
func (n *naming) strayed() map[uint32]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	oids := map[uint32]bool{}
	for oid := range n.strays {
		oids[oid] = true
	}
	return oids
}

// texts returns the texts with which stray was called.
func (n *naming) texts() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Values(n.strays))
}

// stamp records that the tables of strays have got new rows in the publication, or have lost theirs.
func (n *naming) stamp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stamped = true
}

// forgetReported forgets the strays: a verdict reports what was found. Without new catalogue rows a later check could contradict
// it.
func (n *naming) forgetReported() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stamped {
		n.strays, n.stamped = nil, false
	}
}

// find records the findings of a check.
func (n *naming) find(what []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(what) > 0 {
		n.found = what
	}
}

// unrecorded returns the findings if no sink's record has a fingerprint.
func (n *naming) unrecorded() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.recorded {
		return nil
	}
	return n.found
}

// forget forgets the strays: another daemon has the slot and sees them too.
func (n *naming) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.strays, n.stamped = nil, false
}

// Take reports whether the rows of a table in the transaction xid go to the sinks. The rows of a table that the file does
// not name do when they are older than this process's slot and the file named the table before, or no record tells. If the
// publication has the table, the stream has to be checked again before it delivers the rows: the error is ErrRestart. Rows
// that were written before the table's row in the publication were checked at that time.
func (v *View) Take(ctx context.Context, xid uint64, oid uint32, schema, name string) (bool, error) {
	if !v.config.Manage || v.config.Selects(schema, name) {
		return true, nil
	}
	select {
	case <-v.passed: // by now all records are known
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	t, published := v.members[oid]
	v.names.mu.Lock()
	before := xid < v.names.began
	known := v.names.known[hash(schema, name)] || !v.names.recorded && published
	v.names.mu.Unlock()
	if before && known {
		return true, nil
	}
	if !published || xid < lastBefore(v.next, t.member.xmin) {
		return false, nil
	}
	v.names.stray(oid, fmt.Sprintf("rows of %s were written under the name %s.%s, which the file does not have", t.member, schema, name))
	v.log.Info("a published table has another name: the stream starts again", zap.Stringer("table", t.member),
		zap.String("as", schema+"."+name))
	return false, capture.ErrRestart
}

// Leave logs once per table that its rows are skipped.
func (v *View) Leave(id uint32, name string) {
	if !v.warned[id] {
		v.warned[id] = true
		v.log.Warn("changes of a table that the file does not name are left out", zap.String("table", name))
	}
}

// lastBefore returns the last transaction before next whose id without wraps is id. Ids below 3 are older than all
// transactions.
func lastBefore(next uint64, id uint32) uint64 {
	back := uint64(uint32(next) - id)
	if id < 3 || back > next {
		return 0
	}
	return next - back
}

// rename records the tables that are published under a name that the file does not have, although their name matched when
// this process accepted the publication. It reports whether there are any.
func (k *Keeper) rename(now *Fingerprint) (found bool) {
	if !k.config.Manage || k.accepted == nil {
		return false
	}
	former := map[uint32]Member{}
	for _, t := range k.accepted.tables {
		former[t.row] = t.member
	}
	for _, t := range now.tables {
		was, there := former[t.row]
		if there && k.config.Selects(was.Schema, was.Name) && !k.config.Selects(t.member.Schema, t.member.Name) {
			k.names.stray(t.member.oid, fmt.Sprintf("the table that was published as %s is %s now, which the file does not name", was, t.member))
			found = true
		}
	}
	return found
}

// moved describes the tables that the publication has lost at this start and that have another name than in a record: the
// file did not exclude them, they were renamed.
func (p *Published) moved(was *Fingerprint) (what []string) {
	names := map[uint32]uint32{}
	for _, t := range was.tables {
		names[t.row] = t.name
	}
	for _, m := range p.Former {
		if name, there := names[m.row]; there && name != hash(m.Schema, m.Name) {
			what = append(what, fmt.Sprintf("%s, which was published under another name, is not in the file", m))
		}
	}
	return what
}

// replaced describes the names of a record's tables that now belong to other tables, which an unmanaged publication does
// not publish although the file refers to them.
func (k *Keeper) replaced(ctx context.Context, now, was *Fingerprint) (what []string, err error) {
	rows, names := now.index()
	gone := map[uint32]bool{}
	for _, t := range was.tables {
		if rows[t.row] && names[t.name] == nil {
			gone[t.name] = true
		}
	}
	if k.config.Manage || len(gone) == 0 {
		return nil, nil
	}
	var all []candidate
	if err := k.control(ctx, func(c *pgx.Conn) (err error) {
		all, err = k.config.candidates(ctx, c)
		return err
	}); err != nil {
		return nil, err
	}
	for i := range all {
		if t := &all[i]; gone[hash(t.Schema, t.Name)] && k.config.names(Member{Schema: t.Schema, Name: t.Name}) {
			what = append(what, t.String()+" is another table now, which is not published")
		}
	}
	return what, nil
}
