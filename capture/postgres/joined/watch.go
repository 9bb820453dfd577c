package joined

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/publication"
)

// Joins records the tables that joined the publication after the slot was created. The stream has their changes from then
// on, but no copy has the rows that were written before. docs/decisions/0027 has the rule.
type Joins struct {
	config *publication.Config
	log    *zap.Logger
	leaf   func(oid uint32) bool                  // reports whether a table is, or was, a partition of a published tree
	with   func(state []byte, list string) []byte // returns the state of a record with the list replaced

	mu          sync.Mutex
	list        joinList
	bound       uint32                   // the next transaction id, read after this stream's fingerprint
	now         *publication.Fingerprint // of this stream
	unrecorded  map[uint32]bool          // tables that are not in the fingerprint of some record, by OID
	known       map[uint32]bool          // all tables that this stream publishes, and those that were found since
	wide        bool                     // an administrator's publication includes all tables of schemas, or of the database
	passed      bool                     // the stream has passed the start rule
	keeps       bool                     // a sink keeps a record
	commentLine string                   // the line with the list in the publication's comment, if no sink keeps a record
	commentRest string                   // the rest of that comment
	unwritten   bool                     // the log has reported that the comment cannot be written
	problem     *capture.Problem
	since       time.Time
	states      map[*byte][]byte // states with the list, by the state without it

	next time.Time // of the next check
}

// NewJoins creates an empty list; it contacts no server. leaf reports whether a table is, or was, a partition of a published
// tree, and with returns the state of a record with the list replaced.
func NewJoins(c *publication.Config, log *zap.Logger, leaf func(oid uint32) bool, with func(state []byte, list string) []byte) *Joins {
	return &Joins{config: c, log: log, leaf: leaf, with: with, list: joinList{tables: map[uint32]join{}}}
}

// Forget discards the list: another daemon has the slot, or the next stream begins with a copy of all rows.
func (j *Joins) Forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list, j.problem, j.passed, j.commentLine = joinList{tables: map[uint32]join{}}, nil, false, ""
	j.states = nil
}

// Begin is called before each stream, after its publication was read and before k.View is called.
func (j *Joins) Begin(ctx context.Context, conn *pgx.Conn, k *publication.Keeper, pub *publication.Published) error {
	bound, err := nextXID(ctx, conn)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bound, j.now, j.passed, j.unrecorded, j.known = bound, &pub.Fingerprint, false, map[uint32]bool{}, map[uint32]bool{}
	j.wide = pub.Fingerprint.Wide()
	for i := range pub.Tables {
		j.known[pub.Tables[i].OID] = true
	}
	j.addLocked(k.Joined(pub))
	return nil
}

// addLocked lists tables that have joined and that are not listed yet.
func (j *Joins) addLocked(oids []uint32) {
	for _, oid := range oids {
		j.unrecorded[oid], j.known[oid] = true, true
		if _, listed := j.list.tables[oid]; !listed {
			j.list.tables[oid] = join{bound: j.bound}
			j.states = nil
		}
	}
}

// Learn takes over the list of a sink's record, and adds the tables that joined since the record was written. When the record
// has to have another list before it names the present publication, stale is true and list is that list.
func (j *Joins) Learn(r RecordedJoins) (list string, stale bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	recorded := parseJoins(r.List)
	j.list.merge(recorded)
	j.states = nil
	j.addLocked(j.now.Joined(r.Fingerprint))
	for oid, t := range j.list.tables {
		if have, listed := recorded.tables[oid]; t.status != joinSettled && (!listed || have.status == joinSettled) {
			return j.list.String(), true
		}
	}
	return "", false
}

// Pass is called when the stream has passed the start rule with the given number of records. A table whose check is over
// stays in the list as long as some record has a fingerprint without it.
func (j *Joins) Pass(records int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.passed, j.keeps, j.next = true, records > 0, time.Time{}
	for oid, t := range j.list.tables {
		if t.status == joinSettled && !j.unrecorded[oid] {
			delete(j.list.tables, oid)
		}
	}
	j.states = nil
}

// State adds the list to the state of a batch, which may be nil.
func (j *Joins) State(state []byte) []byte {
	if len(state) == 0 {
		return state
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.list.tables) == 0 && j.list.accepted == 0 {
		return state
	}
	if with := j.states[&state[0]]; with != nil {
		return with
	}
	if j.states == nil || len(j.states) > 8 { // the state without the list has changed often
		j.states = map[*byte][]byte{}
	}
	with := j.with(state, j.list.String())
	j.states[&state[0]] = with
	return with
}

// Check checks the listed tables, and finds those that have joined an administrator's publication without a change of it.
// expedite makes the stream report its position soon.
func (j *Joins) Check(ctx context.Context, conn *pgx.Conn, expedite func()) error {
	began := time.Now()
	j.mu.Lock()
	due, wide := j.passed && !began.Before(j.next), j.wide
	j.mu.Unlock()
	if !due {
		return nil
	}
	defer func() {
		j.mu.Lock()
		j.next = time.Now().Add(publication.CheckShare * time.Since(began))
		j.mu.Unlock()
	}()
	if err := j.readComment(ctx, conn); err != nil {
		return err
	}
	if wide {
		if err := j.find(ctx, conn); err != nil {
			return err
		}
	}
	j.mu.Lock()
	list := j.list.clone()
	j.mu.Unlock()
	found, err := checkJoins(ctx, conn, j.config.Name, list, j.leaf)
	if err != nil {
		return err
	}
	if j.conclude(list, found) {
		expedite() // an idle server's keepalive brings it to the sinks' records
	}
	return j.writeComment(ctx, conn)
}

// find lists the tables that an administrator's publication includes without naming them and that the stream began without.
func (j *Joins) find(ctx context.Context, conn *pgx.Conn) error {
	oids, err := publishedBySchema(ctx, conn, j.config.Name)
	if err != nil {
		return err
	}
	j.mu.Lock()
	oids = slices.DeleteFunc(oids, func(oid uint32) bool { return j.known[oid] })
	j.mu.Unlock()
	if len(oids) == 0 {
		return nil
	}
	bound, err := nextXID(ctx, conn) // after the tables were found
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bound = bound
	j.addLocked(oids)
	return nil
}

// conclude takes over the result of a check, unless the list was replaced meanwhile, and updates the warning. It reports
// whether the list that sinks record has changed.
func (j *Joins) conclude(was joinList, found []joinFinding) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	before := j.list.String()
	if j.list.accepted != was.accepted {
		return false
	}
	var names []string
	for _, f := range found {
		t, listed := j.list.tables[f.oid]
		switch {
		case !listed:
			continue
		case f.gone:
			delete(j.list.tables, f.oid)
			continue
		case f.decided:
			t.status = f.status
			j.list.tables[f.oid] = t
		}
		if t.status == joinMissing {
			names = append(names, f.name)
		}
	}
	j.warnLocked(names)
	after := j.list.String()
	if after != before {
		j.states = nil
	}
	return after != before
}

// warnLocked sets the warning that names the tables.
func (j *Joins) warnLocked(names []string) {
	p := rowsNotCopied(j.config, names, j.keeps, j.commentRest)
	switch {
	case p == nil && j.problem != nil:
		j.log.Info("the warning has ended", zap.String("state", j.problem.State))
	case p != nil && j.problem == nil:
		j.since = time.Now()
		fallthrough
	case p != nil && j.problem.Reason != p.Reason:
		j.log.Warn("warning", zap.String("state", p.State), zap.String("reason", p.Reason))
	}
	j.problem = p
}

// Warning returns the present warning; nil: there is none.
func (j *Joins) Warning() (p *capture.Problem, since time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.problem, j.since
}
