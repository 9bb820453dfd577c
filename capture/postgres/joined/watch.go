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

// Watch records the tables that joined the publication after the slot was created. The stream has their changes from then
// on, but no copy has the rows that were written before. docs/decisions/0027 has the rule.
type Watch struct {
	config *publication.Config
	log    *zap.Logger
	leaf   func(oid uint32) bool                  // reports whether a table is, or was, a partition of a published tree
	with   func(state []byte, list string) []byte // returns the state of a record with the list replaced

	mu          sync.Mutex
	list        tableList
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

// NewWatch creates an empty list; it contacts no server. leaf reports whether a table is, or was, a partition of a published
// tree, and with returns the state of a record with the list replaced.
func NewWatch(c *publication.Config, log *zap.Logger, leaf func(oid uint32) bool, with func(state []byte, list string) []byte) *Watch {
	return &Watch{config: c, log: log, leaf: leaf, with: with, list: tableList{tables: map[uint32]entry{}}}
}

// Forget discards the list: another daemon has the slot, or the next stream begins with a copy of all rows.
func (w *Watch) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list, w.problem, w.passed, w.commentLine = tableList{tables: map[uint32]entry{}}, nil, false, ""
	w.states = nil
}

// Begin is called before each stream, after its publication was read and before k.View is called.
func (w *Watch) Begin(ctx context.Context, conn *pgx.Conn, k *publication.Keeper, pub *publication.Published) error {
	bound, err := nextXID(ctx, conn)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bound, w.now, w.passed, w.unrecorded, w.known = bound, &pub.Fingerprint, false, map[uint32]bool{}, map[uint32]bool{}
	w.wide = pub.Fingerprint.Wide()
	for i := range pub.Tables {
		w.known[pub.Tables[i].OID] = true
	}
	w.addLocked(k.Joined(pub))
	return nil
}

// addLocked lists tables that have joined and that are not listed yet.
func (w *Watch) addLocked(oids []uint32) {
	for _, oid := range oids {
		w.unrecorded[oid], w.known[oid] = true, true
		if _, listed := w.list.tables[oid]; !listed {
			w.list.tables[oid] = entry{bound: w.bound}
			w.states = nil
		}
	}
}

// Learn takes over the list of a sink's record, and adds the tables that joined since the record was written. When the record
// has to have another list before it names the present publication, stale is true and list is that list.
func (w *Watch) Learn(r Record) (list string, stale bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	recorded := parseList(r.List)
	w.list.merge(recorded)
	w.states = nil
	w.addLocked(w.now.Joined(r.Fingerprint))
	for oid, t := range w.list.tables {
		if have, listed := recorded.tables[oid]; t.status != statusSettled && (!listed || have.status == statusSettled) {
			return w.list.String(), true
		}
	}
	return "", false
}

// Pass is called when the stream has passed the start rule with the given number of records. A table whose check is over
// stays in the list as long as some record has a fingerprint without it.
func (w *Watch) Pass(records int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed, w.keeps, w.next = true, records > 0, time.Time{}
	for oid, t := range w.list.tables {
		if t.status == statusSettled && !w.unrecorded[oid] {
			delete(w.list.tables, oid)
		}
	}
	w.states = nil
}

// State adds the list to the state of a batch, which may be nil.
func (w *Watch) State(state []byte) []byte {
	if len(state) == 0 {
		return state
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.list.tables) == 0 && w.list.accepted == 0 {
		return state
	}
	if with := w.states[&state[0]]; with != nil {
		return with
	}
	if w.states == nil || len(w.states) > 8 { // the state without the list has changed often
		w.states = map[*byte][]byte{}
	}
	with := w.with(state, w.list.String())
	w.states[&state[0]] = with
	return with
}

// Check checks the listed tables, and finds those that have joined an administrator's publication without a change of it.
// expedite makes the stream report its position soon.
func (w *Watch) Check(ctx context.Context, conn *pgx.Conn, expedite func()) error {
	began := time.Now()
	w.mu.Lock()
	due, wide := w.passed && !began.Before(w.next), w.wide
	w.mu.Unlock()
	if !due {
		return nil
	}
	defer func() {
		w.mu.Lock()
		w.next = time.Now().Add(publication.CheckShare * time.Since(began))
		w.mu.Unlock()
	}()
	if err := w.readComment(ctx, conn); err != nil {
		return err
	}
	if wide {
		if err := w.find(ctx, conn); err != nil {
			return err
		}
	}
	w.mu.Lock()
	list := w.list.clone()
	w.mu.Unlock()
	found, err := checkTables(ctx, conn, w.config.Name, list, w.leaf)
	if err != nil {
		return err
	}
	if w.conclude(list, found) {
		expedite() // an idle server's keepalive brings it to the sinks' records
	}
	return w.writeComment(ctx, conn)
}

// find lists the tables that an administrator's publication includes without naming them and that the stream began without.
func (w *Watch) find(ctx context.Context, conn *pgx.Conn) error {
	oids, err := publishedBySchema(ctx, conn, w.config.Name)
	if err != nil {
		return err
	}
	w.mu.Lock()
	oids = slices.DeleteFunc(oids, func(oid uint32) bool { return w.known[oid] })
	w.mu.Unlock()
	if len(oids) == 0 {
		return nil
	}
	bound, err := nextXID(ctx, conn) // after the tables were found
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bound = bound
	w.addLocked(oids)
	return nil
}

// conclude takes over the result of a check, unless the list was replaced meanwhile, and updates the warning. It reports
// whether the list that sinks record has changed.
func (w *Watch) conclude(was tableList, found []finding) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.list.String()
	if w.list.accepted != was.accepted {
		return false
	}
	var names []string
	for _, f := range found {
		t, listed := w.list.tables[f.oid]
		switch {
		case !listed:
			continue
		case f.gone:
			delete(w.list.tables, f.oid)
			continue
		case f.decided:
			t.status = f.status
			w.list.tables[f.oid] = t
		}
		if t.status == statusMissing {
			names = append(names, f.name)
		}
	}
	w.warnLocked(names)
	after := w.list.String()
	if after != before {
		w.states = nil
	}
	return after != before
}

// warnLocked sets the warning that names the tables.
func (w *Watch) warnLocked(names []string) {
	p := rowsNotCopied(w.config, names, w.keeps, w.commentRest)
	switch {
	case p == nil && w.problem != nil:
		w.log.Info("the warning has ended", zap.String("state", w.problem.State))
	case p != nil && w.problem == nil:
		w.since = time.Now()
		fallthrough
	case p != nil && w.problem.Reason != p.Reason:
		w.log.Warn("warning", zap.String("state", p.State), zap.String("reason", p.Reason))
	}
	w.problem = p
}

// Warning returns the present warning; nil: there is none.
func (w *Watch) Warning() (p *capture.Problem, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.problem, w.since
}
