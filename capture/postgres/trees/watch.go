package trees

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/publication"
)

// Watch watches the published partition trees. docs/decisions/0023 has the rule.
type Watch struct {
	config *publication.Config
	log    *zap.Logger
	states [][]byte                                // of batches without trees
	with   func(state []byte, trees string) []byte // returns the state of a record with the trees replaced

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
	base   string
	states [][]byte // those of the Watch with the base; shared by batches
}

// NewWatch creates a watch without a base; it contacts no server. states are the states of batches without trees, and with returns
// the state of a record with the trees replaced.
func NewWatch(c *publication.Config, log *zap.Logger, states [][]byte, with func(state []byte, trees string) []byte) *Watch {
	return &Watch{
		config: c, log: log, states: states, with: with, nudged: make(chan struct{}, 1), emptied: map[uint32][]uint32{},
		filled: map[uint32]filled{}, verdicts: map[uint32]verdict{}, suspects: map[uint32]truncation{}, names: map[uint32]string{},
	}
}

// Begin is called before each stream: the sinks' records are read again.
func (w *Watch) Begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed = false
	w.read.Store(0)
}

// Forget discards the base: another daemon has the slot, and the base is read again from the records.
func (w *Watch) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed, w.ours, w.warnings = false, false, nil
	w.emptied, w.filled = map[uint32][]uint32{}, map[uint32]filled{}
	w.keepLocked(nil)
}

// Snapshot takes the base from the catalogue as the first copy of all rows sees it.
func (w *Watch) Snapshot(ctx context.Context, conn *pgx.Conn) error {
	nodes, err := w.config.ReadTrees(ctx, conn)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keepLocked(baseOf(nodes))
	w.ours = true
	return nil
}

// Learn takes over the base that a sink's record has; "": it has none. The result of this process's own checks is as good, unless
// the operator has accepted a later base.
func (w *Watch) Learn(recorded string) {
	b := parseBase(recorded)
	w.mu.Lock()
	defer w.mu.Unlock()
	if b != nil && (!w.ours || b.accepted > w.base.accepted) {
		w.keepLocked(w.base.merge(b))
	}
}

// Pass is called when the stream has passed the start rule.
func (w *Watch) Pass() {
	w.mu.Lock()
	w.passed = true
	w.mu.Unlock()
	w.nudge()
}

// keepLocked sets the base to b.
func (w *Watch) keepLocked(b *treeBase) {
	w.base = b
	text := b.String()
	if was := w.text.Load(); was != nil && was.base == text {
		return
	}
	next := &treeText{base: text}
	for _, state := range w.states {
		next.states = append(next.states, w.with(state, text))
	}
	w.text.Store(next)
}

// State adds the base to the state of a batch, which may be nil.
func (w *Watch) State(state []byte) []byte {
	text := w.text.Load()
	if len(state) == 0 || text == nil || text.base == "" {
		return state
	}
	for i, without := range w.states {
		if &without[0] == &state[0] {
			return text.states[i]
		}
	}
	return w.with(state, text.base)
}

// nudge requests an early check.
func (w *Watch) nudge() {
	select {
	case w.nudged <- struct{}{}:
	default:
	}
}

// Described implements decode.Trees: the server describes a root again after most changes of its tree.
func (w *Watch) Described(oid uint32) {
	if roots := w.roots.Load(); roots != nil && (*roots)[oid] {
		w.nudge()
	}
}

// ReadTo implements decode.Trees.
func (w *Watch) ReadTo(end capture.LSN) { w.read.Store(uint64(end)) }

// soonest is the minimum time between two checks that were requested.
const soonest = 100 * time.Millisecond

// Leaf reports whether a table is, or was, a partition of a published tree.
func (w *Watch) Leaf(oid uint32) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.base == nil {
		return false
	}
	_, known := w.base.leaves[oid]
	return known
}

// Wait waits for the next check: for d, until one is requested, or until the stream has reached a suspected truncation.
func (w *Watch) Wait(ctx context.Context, d time.Duration) error {
	if err := capture.Sleep(ctx, soonest); err != nil {
		return err
	}
	end := time.NewTimer(d - soonest)
	defer end.Stop()
	var tick <-chan time.Time
	if w.awaited.Load() > 0 {
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
		case <-w.nudged:
			return nil
		case <-tick:
			if w.read.Load() >= w.awaited.Load() {
				return nil
			}
		}
	}
}

// Check compares the trees with the base, and reports what is missing in the stream. expedite makes the stream report its
// position soon.
func (w *Watch) Check(ctx context.Context, conn *pgx.Conn, expedite func()) error {
	w.looking.Lock()
	defer w.looking.Unlock()
	w.mu.Lock()
	passed, base := w.passed, w.base
	w.mu.Unlock()
	if !passed {
		return nil
	}
	nodes, err := w.config.ReadTrees(ctx, conn)
	if err != nil {
		return err
	}
	now := baseOf(nodes)
	w.roots.Store(&now.roots)
	problems, err := w.config.TreeProblems(ctx, conn, nodes)
	if err != nil {
		return err
	}
	children, err := w.config.ChildProblems(ctx, conn)
	if err != nil {
		return err
	}
	if len(now.leaves) > maxLeaves && !w.warned {
		w.warned = true
		w.log.Warn("too many partitions to record: what happens to them while no daemon runs is not noticed",
			zap.Int("partitions", len(now.leaves)), zap.Int("most", maxLeaves))
	}
	was := base
	w.probes = 0
	if base == nil || base.cut {
		base = &treeBase{roots: now.roots, leaves: now.leaves, accepted: accepted(base)}
	}
	next, found, err := w.compare(ctx, conn, w.withFilled(base, now), nodes)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		problems = append(problems, changedProblem(found))
	}
	problems = append(problems, children...)
	w.awaited.Store(0)
	for _, s := range w.suspects {
		if at := w.awaited.Load(); at == 0 || uint64(s.upto) < at {
			w.awaited.Store(uint64(s.upto))
		}
	}
	if len(w.suspects) > 0 {
		expedite()
	}
	if w.conclude(was, next, problems) {
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
func (w *Watch) conclude(was, next *treeBase, problems []error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.base != was {
		w.nudge()
		return false
	}
	before := w.base.String()
	w.keepLocked(next)
	w.forgetFilledLocked()
	w.ours = true
	var changed bool
	if w.warnings, changed = w.warnings.Next(problems, time.Now()); changed {
		if len(w.warnings) == 0 {
			w.log.Info("the warnings about partition trees have ended")
		}
		for _, p := range w.warnings { // the fix names the pipeline's files, which only the status knows
			w.log.Warn("warning", zap.String("state", p.State), zap.String("reason", p.Reason))
		}
	}
	return next.String() != before
}

// Warnings returns the present warnings.
func (w *Watch) Warnings() problem.Warnings {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.warnings
}

// Decided reports whether a check would find nothing else: the stream has passed the start rule, and no truncation waits until the
// stream has reached it.
func (w *Watch) Decided() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.passed && w.awaited.Load() == 0
}
