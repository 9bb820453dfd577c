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

// A publication holds tables by OID, the file names them. After a table was renamed, moved to another schema or swapped with
// another one, a managed publication publishes a table that the file does not name. docs/decisions/0007 has the rule.

// naming is what the source knows of the names of its tables. Any goroutine may use it.
type naming struct {
	mu       sync.Mutex
	recorded bool              // a sink's record has an edition
	known    map[uint32]bool   // hashes of the names in these editions
	began    uint64            // transactions from this one on began after the process had the slot
	strays   map[uint32]string // what published tables were seen under a name that the file does not have, by OID
	stamped  bool              // the publication got new rows for these tables
	found    []string          // what the last look found
}

// learn takes over the edition that a record has.
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

// stray notes that a published table has, or had, a name that the file does not have.
func (n *naming) stray(oid uint32, what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.strays == nil {
		n.strays = map[uint32]string{}
	}
	n.strays[oid] = what
}

// strayed are the OIDs of the tables that stray was called for.
func (n *naming) strayed() map[uint32]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	oids := map[uint32]bool{}
	for oid := range n.strays {
		oids[oid] = true
	}
	return oids
}

// texts say what stray was called with.
func (n *naming) texts() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Values(n.strays))
}

// stamp says that the tables of strays have got new rows in the publication, or have lost theirs.
func (n *naming) stamp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stamped = true
}

// judged forgets the strays: a verdict says what was found. Without new rows of the catalogue it could be disproved later.
func (n *naming) judged() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stamped {
		n.strays, n.stamped = nil, false
	}
}

// find keeps what a look found.
func (n *naming) find(what []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(what) > 0 {
		n.found = what
	}
}

// unrecorded returns what was found where no sink's record has an edition.
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

// streamNames judges by their names the tables that one stream describes.
type streamNames struct {
	*naming
	config  *Config
	log     *zap.Logger
	members map[uint32]membership // of the publication's edition, by OID
	next    uint64                // the transaction id that was to be given next, after the edition was read
	passed  chan struct{}         // closed when the stream has passed the start rule
	told    map[uint32]bool       // the log has that rows of these are left out
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

// take reports whether the rows of a table are for the sinks, in the transaction xid. Those of a table that the file does not
// name are: when the file named it before, until this process had the slot, or when no record tells. When the
// publication has the table, the stream has to be judged again before it hands the rows on: the error is ErrRestart. What was
// written before the table's row in the publication was judged at that time.
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

// leave logs that rows of a table are left out, once for each.
func (n *streamNames) leave(id uint32, name string) {
	if !n.told[id] {
		n.told[id] = true
		n.log.Warn("changes of a table that the file does not name are left out", zap.String("table", name))
	}
}

// precedes reports whether a transaction id is older than another one, as Postgres compares them: of two that are less than 2^31
// transactions apart.
func precedes(a, b uint32) bool { return int32(a-b) < 0 }

// lastBefore is the last transaction before next whose id is id, without the times that ids have wrapped. Ids below 3 are older than
// all transactions.
func lastBefore(next uint64, id uint32) uint64 {
	back := uint64(uint32(next) - id)
	if id < 3 || back > next {
		return 0
	}
	return next - back
}

// wants reports whether the file of a managed publication takes a table of this name.
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

// rename notes the tables that are published under a name that the file does not have, and had when this process accepted
// the publication. It reports whether there are any.
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

// moved says which tables the publication has lost at this start that have another name than in a record: the file did not
// leave them out, they are named otherwise.
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

// replaced says which names of a record's tables are those of other tables now, which an administrator's publication does not
// publish and the file counts on.
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
