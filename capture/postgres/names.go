package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// A publication refers to tables by OID, the file by name. After a table was renamed, moved to another schema or swapped
// with another one, a managed publication publishes a table that the file does not name. docs/decisions/0007 has the rule.

// naming records what the source knows about the names of its tables. Any goroutine may use it.
type naming struct {
	mu       sync.Mutex
	recorded bool              // a sink's record has an edition
	known    map[uint32]bool   // hashes of the table names in these editions
	began    uint64            // transactions from this one on began after the process had acquired the slot
	strays   map[uint32]string // the name under which a published table was seen and that the file does not have, by OID
	stamped  bool              // these tables got new rows in the publication
	found    []string          // what the last check found
}

// learn records the names of an edition in a sink's record.
func (n *naming) learn(was *edition) {
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

// judged forgets the strays: a verdict reports what was found. Without new catalogue rows a later check could contradict
// it.
func (n *naming) judged() {
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

// unrecorded returns the findings if no sink's record has an edition.
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

// streamNames checks the names of the tables that one stream describes.
type streamNames struct {
	*naming
	config  *Config
	log     *zap.Logger
	members map[uint32]membership // of the publication's edition, by OID
	next    uint64                // the next transaction id, read after the edition
	passed  chan struct{}         // closed when the stream has passed the start rule
	told    map[uint32]bool       // tables for which the log has reported that rows are skipped
}

func (s *Source) namesOf(e *edition, next uint64) *streamNames {
	if s.accepted == nil {
		s.names.mu.Lock()
		s.names.began = next
		s.names.mu.Unlock()
	}
	n := &streamNames{
		naming: &s.names, config: &s.config, log: s.log, members: map[uint32]membership{}, next: next,
		passed: make(chan struct{}), told: map[uint32]bool{},
	}
	for _, t := range e.tables {
		n.members[t.member.oid] = t
	}
	return n
}

// take reports whether the rows of a table in the transaction xid go to the sinks. The rows of a table that the file does
// not name do when they are older than this process's slot and the file named the table before, or no record tells. If the
// publication has the table, the stream has to be checked again before it delivers the rows: the error is ErrRestart. Rows
// that were written before the table's row in the publication were checked at that time.
func (n *streamNames) take(ctx context.Context, xid uint64, m *pgoutput.Relation) (bool, error) {
	if !n.config.Manage || n.config.wants(m.Schema, m.Name) {
		return true, nil
	}
	select {
	case <-n.passed: // by now all records are known
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	t, published := n.members[m.ID]
	n.mu.Lock()
	before := xid < n.began
	known := n.known[hash(m.Schema, m.Name)] || !n.recorded && published
	n.mu.Unlock()
	if before && known {
		return true, nil
	}
	if !published || xid < lastBefore(n.next, t.member.xmin) {
		return false, nil
	}
	n.stray(m.ID, fmt.Sprintf("rows of %s were written under the name %s.%s, which the file does not have", t.member, m.Schema, m.Name))
	n.log.Info("a published table has another name: the stream starts again", zap.Stringer("table", t.member),
		zap.String("as", m.Schema+"."+m.Name))
	return false, capture.ErrRestart
}

// leave logs once per table that its rows are skipped.
func (n *streamNames) leave(id uint32, name string) {
	if !n.told[id] {
		n.told[id] = true
		n.log.Warn("changes of a table that the file does not name are left out", zap.String("table", name))
	}
}

// precedes reports whether a transaction id is older than another one, as Postgres compares them: of two that are less than 2^31
// transactions apart.
func precedes(a, b uint32) bool { return int32(a-b) < 0 }

// lastBefore returns the last transaction before next whose id without wraps is id. Ids below 3 are older than all
// transactions.
func lastBefore(next uint64, id uint32) uint64 {
	back := uint64(uint32(next) - id)
	if id < 3 || back > next {
		return 0
	}
	return next - back
}

// wants reports whether the file of a managed publication selects a table of this name.
func (c *Config) wants(schema, name string) bool {
	if c.option(schema+"."+name) != nil {
		return true
	}
	excepted := c.excepted(&candidate{Schema: schema, Name: name})
	return slices.ContainsFunc(c.Tables, func(text string) bool {
		p, err := parsePattern(text)
		return err == nil && p.match(schema, name) && (p.exact() || !excepted)
	})
}

// rename records the tables that are published under a name that the file does not have, although their name matched when
// this process accepted the publication. It reports whether there are any.
func (s *Source) rename(now *edition) (found bool) {
	if !s.config.Manage || s.accepted == nil {
		return false
	}
	former := map[uint32]member{}
	for _, t := range s.accepted.tables {
		former[t.row] = t.member
	}
	for _, t := range now.tables {
		was, there := former[t.row]
		if there && s.config.wants(was.Schema, was.Name) && !s.config.wants(t.member.Schema, t.member.Name) {
			s.names.stray(t.member.oid, fmt.Sprintf("the table that was published as %s is %s now, which the file does not name", was, t.member))
			found = true
		}
	}
	return found
}

// moved describes the tables that the publication has lost at this start and that have another name than in a record: the
// file did not exclude them, they were renamed.
func (p *published) moved(was *edition) (what []string) {
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
func (s *Source) replaced(ctx context.Context, now, was *edition) (what []string, err error) {
	rows, names := now.index()
	gone := map[uint32]bool{}
	for _, t := range was.tables {
		if rows[t.row] && names[t.name] == nil {
			gone[t.name] = true
		}
	}
	if s.config.Manage || len(gone) == 0 {
		return nil, nil
	}
	var all []candidate
	if err := s.side.do(ctx, func(c *pgx.Conn) (err error) {
		all, err = s.config.candidates(ctx, c)
		return err
	}); err != nil {
		return nil, err
	}
	for i := range all {
		if t := &all[i]; gone[hash(t.Schema, t.Name)] && s.config.names(member{Schema: t.Schema, Name: t.Name}) {
			what = append(what, t.String()+" is another table now, which is not published")
		}
	}
	return what, nil
}
