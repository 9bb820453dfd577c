package postgres

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// trees watches the published partition trees. docs/decisions/0023 has the rule.
type trees struct {
	config *publication.Config
	log    *zap.Logger
	nudged chan struct{} // a check is due
	text   atomic.Pointer[treeText]
	roots  atomic.Pointer[map[uint32]bool] // the result of the last check
	read   atomic.Uint64                   // the position up to which the stream has been read, as an LSN

	mu      sync.Mutex
	passed  bool      // the stream has passed the start rule
	base    *treeBase // nil: none yet
	ours    bool      // the base is the result of this process's own checks, not only of records
	emptied map[uint32][]uint32
	filled  map[uint32]filled // by OID

	warnings problem.Warnings

	awaited atomic.Uint64 // the lowest position of the suspects; 0: there are none

	looking  sync.Mutex // protects what follows
	verdicts map[uint32]verdict
	suspects map[uint32]truncation
	names    map[uint32]string // of partitions, from earlier checks
	warned   bool              // the log has reported that there are too many
	probes   int               // of partitions, in this check
}

// treeText is the base as sinks record it with the stream's batches.
type treeText struct {
	base          string
	pending, done []byte // shared by batches
}

// verdict is the result for a partition whose mark differs from the base.
type verdict struct {
	was, now leafMark
	what     string // "": nothing is missing
}

// truncation is a partition that has lost its rows. If its root was truncated, the stream has the TRUNCATE, but may not
// have reached it yet.
type truncation struct {
	file uint32
	upto capture.LSN // the position after which the stream has passed it
}

func newTrees(c *publication.Config, log *zap.Logger) *trees {
	return &trees{
		config: c, log: log, nudged: make(chan struct{}, 1), emptied: map[uint32][]uint32{}, filled: map[uint32]filled{},
		verdicts: map[uint32]verdict{}, suspects: map[uint32]truncation{}, names: map[uint32]string{},
	}
}

// begin is called before each stream: the sinks' records are read again.
func (t *trees) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passed = false
	t.read.Store(0)
}

// forget discards the base: another daemon has the slot, and the base is read again from the records.
func (t *trees) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passed, t.ours, t.warnings = false, false, nil
	t.emptied, t.filled = map[uint32][]uint32{}, map[uint32]filled{}
	t.keep(nil)
}

// snapshot takes the base from the catalogue as the first copy of all rows sees it.
func (t *trees) snapshot(ctx context.Context, conn *pgx.Conn) error {
	nodes, err := t.config.ReadTrees(ctx, conn)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep(baseOf(nodes))
	t.ours = true
	return nil
}

// learn takes over the base of a sink's record. The result of this process's own checks is as good, unless the operator has
// accepted a later base.
func (t *trees) learn(r *capture.Record) {
	b := parseBase(recordedTrees(r.State))
	t.mu.Lock()
	defer t.mu.Unlock()
	if b != nil && (!t.ours || b.accepted > t.base.accepted) {
		t.keep(t.base.merge(b))
	}
}

// pass is called when the stream has passed the start rule.
func (t *trees) pass() {
	t.mu.Lock()
	t.passed = true
	t.mu.Unlock()
	t.nudge()
}

// keep sets the base to b. The caller holds mu.
func (t *trees) keep(b *treeBase) {
	t.base = b
	text := b.String()
	if was := t.text.Load(); was != nil && was.base == text {
		return
	}
	t.text.Store(&treeText{text, withTrees(statePending, text), withTrees(stateDone, text)})
}

// State adds the base to the state of a batch, which is stateDone, statePending or nil.
func (t *trees) State(state []byte) []byte {
	text := t.text.Load()
	switch {
	case len(state) == 0 || text == nil || text.base == "":
		return state
	case &state[0] == &statePending[0]:
		return text.pending
	}
	return text.done
}

// nudge requests an early check.
func (t *trees) nudge() {
	select {
	case t.nudged <- struct{}{}:
	default:
	}
}

// Described implements decode.Trees: the server describes a root again after most changes of its tree.
func (t *trees) Described(oid uint32) {
	if roots := t.roots.Load(); roots != nil && (*roots)[oid] {
		t.nudge()
	}
}

// mostTruncates is the number of transactions with a TRUNCATE that are remembered.
const mostTruncates = 64

// Truncated implements decode.Trees.
func (t *trees) Truncated(oid, xid uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	xids := append(t.emptied[oid], xid)
	t.emptied[oid] = xids[max(0, len(xids)-mostTruncates):]
}

// ReadTo implements decode.Trees.
func (t *trees) ReadTo(end capture.LSN) { t.read.Store(uint64(end)) }

// streamed reports whether the stream has the TRUNCATE that created a partition's file. For a subtransaction the catalogue
// has another transaction id than the stream; then all partitions of the root have the same one.
func (t *trees) streamed(root, written uint32, together bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.emptied[root], func(xid uint32) bool {
		return xid == written || together && pgconnect.XIDPrecedes(xid, written) && written-xid < 1000
	})
}

// soonest is the minimum time between two checks that were requested.
const soonest = 100 * time.Millisecond

// leaf reports whether a table is, or was, a partition of a published tree.
func (t *trees) leaf(oid uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.base == nil {
		return false
	}
	_, known := t.base.leaves[oid]
	return known
}

// wait waits for the next check: for d, until one is requested, or until the stream has reached a suspected truncation.
func (t *trees) wait(ctx context.Context, d time.Duration) error {
	if err := capture.Sleep(ctx, soonest); err != nil {
		return err
	}
	end := time.NewTimer(d - soonest)
	defer end.Stop()
	var tick <-chan time.Time
	if t.awaited.Load() > 0 {
		ticker := time.NewTicker(soonest / 2)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-end.C:
			return nil
		case <-t.nudged:
			return nil
		case <-tick:
			if t.read.Load() >= t.awaited.Load() {
				return nil
			}
		}
	}
}

// check compares the trees with the base, and reports what is missing in the stream. expedite makes the stream report its
// position soon.
func (t *trees) check(ctx context.Context, conn *pgx.Conn, expedite func()) error {
	t.looking.Lock()
	defer t.looking.Unlock()
	t.mu.Lock()
	passed, base := t.passed, t.base
	t.mu.Unlock()
	if !passed {
		return nil
	}
	nodes, err := t.config.ReadTrees(ctx, conn)
	if err != nil {
		return err
	}
	now := baseOf(nodes)
	t.roots.Store(&now.roots)
	problems, err := t.config.TreeProblems(ctx, conn, nodes)
	if err != nil {
		return err
	}
	children, err := t.config.ChildProblems(ctx, conn)
	if err != nil {
		return err
	}
	if len(now.leaves) > maxLeaves && !t.warned {
		t.warned = true
		t.log.Warn("too many partitions to record: what happens to them while no daemon runs is not noticed",
			zap.Int("partitions", len(now.leaves)), zap.Int("most", maxLeaves))
	}
	was := base
	t.probes = 0
	if base == nil || base.cut {
		base = &treeBase{roots: now.roots, leaves: now.leaves, accepted: accepted(base)}
	}
	next, found, err := t.compare(ctx, conn, t.withFilled(base, now), nodes)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		problems = append(problems, changedProblem(found))
	}
	problems = append(problems, children...)
	t.awaited.Store(0)
	for _, s := range t.suspects {
		if at := t.awaited.Load(); at == 0 || uint64(s.upto) < at {
			t.awaited.Store(uint64(s.upto))
		}
	}
	if len(t.suspects) > 0 {
		expedite()
	}
	if t.conclude(was, next, problems) {
		expedite() // an idle server's keepalive brings it to the sinks' records
	}
	return nil
}

func accepted(b *treeBase) uint64 {
	if b == nil {
		return 0
	}
	return b.accepted
}

// conclude makes next the base, unless a record with a later one was read meanwhile, and updates the warnings. It reports
// whether the base that sinks record has changed.
func (t *trees) conclude(was, next *treeBase, problems []error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.base != was {
		t.nudge()
		return false
	}
	before := t.base.String()
	t.keep(next)
	t.forgetFilled()
	t.ours = true
	var changed bool
	if t.warnings, changed = t.warnings.Next(problems, time.Now()); changed {
		if len(t.warnings) == 0 {
			t.log.Info("the warnings about partition trees have ended")
		}
		for _, w := range t.warnings { // the fix names the pipeline's files, which only the status knows
			t.log.Warn("warning", zap.String("state", w.State), zap.String("reason", w.Reason))
		}
	}
	return next.String() != before
}

// present returns the present warnings.
func (t *trees) present() problem.Warnings {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.warnings
}
