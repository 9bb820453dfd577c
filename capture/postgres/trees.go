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
)

// trees watches the published partition trees. docs/decisions/0023 has the rule.
type trees struct {
	config *Config
	log    *zap.Logger
	nudged chan struct{} // a look is due
	text   atomic.Pointer[treeText]
	roots  atomic.Pointer[map[uint32]bool] // what the last look found
	read   atomic.Uint64                   // how far the stream has been read, as an LSN

	mu      sync.Mutex
	passed  bool      // the stream has passed the start rule
	base    *treeBase // nil: none yet
	ours    bool      // the base is what this process has found, not only what records say
	emptied map[uint32][]uint32
	problem *capture.Problem
	since   time.Time

	awaited atomic.Uint64 // the least of the suspects' positions; 0: there are none

	looking  sync.Mutex // of what follows: the watch of the last stream may not have ended yet
	judged   map[uint32]judgement
	suspects map[uint32]truncation
	names    map[uint32]string // of partitions, from earlier looks
	told     bool              // the log has that there are too many
	probes   int               // of partitions, at this look
}

// treeText is the base as the stream's batches carry it.
type treeText struct {
	base          string
	pending, done []byte // shared by batches
}

// judgement is what was found about a partition whose mark differs from the base.
type judgement struct {
	was, now leafMark
	what     string // "": nothing is missing
}

// truncation is a partition that has lost its rows. A TRUNCATE of its root is in the stream, which may not have come there yet.
type truncation struct {
	file uint32
	upto capture.LSN // where the stream has passed it
}

func newTrees(c *Config, log *zap.Logger) *trees {
	return &trees{
		config: c, log: log, nudged: make(chan struct{}, 1), emptied: map[uint32][]uint32{},
		judged: map[uint32]judgement{}, suspects: map[uint32]truncation{}, names: map[uint32]string{},
	}
}

// begin is called before each stream: the sinks' records are read again.
func (t *trees) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passed = false
	t.read.Store(0)
}

// forget forgets the base: another daemon has the slot, and goes on from the records.
func (t *trees) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.passed, t.ours, t.problem = false, false, nil
	t.emptied = map[uint32][]uint32{}
	t.keep(nil)
}

// snapshot takes the base from the catalogue as a first copy of all rows sees it.
func (t *trees) snapshot(ctx context.Context, conn *pgx.Conn) error {
	nodes, err := t.config.readTrees(ctx, conn)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep(baseOf(nodes))
	t.ours = true
	return nil
}

// learn takes what a sink's record has. What this process has found is as good, unless the operator has accepted since.
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

// keep makes b the base. The caller holds mu.
func (t *trees) keep(b *treeBase) {
	t.base = b
	text := b.String()
	if was := t.text.Load(); was != nil && was.base == text {
		return
	}
	t.text.Store(&treeText{text, withTrees(statePending, text), withTrees(stateDone, text)})
}

// state is what goes with a batch; state is stateDone or statePending.
func (t *trees) state(state []byte) []byte {
	text := t.text.Load()
	switch {
	case text == nil || text.base == "":
		return state
	case &state[0] == &statePending[0]:
		return text.pending
	}
	return text.done
}

// nudge makes the next look come soon.
func (t *trees) nudge() {
	select {
	case t.nudged <- struct{}{}:
	default:
	}
}

// described is called for each table that the stream describes: it describes a root again after most changes of its tree.
func (t *trees) described(oid uint32) {
	if roots := t.roots.Load(); roots != nil && (*roots)[oid] {
		t.nudge()
	}
}

// mostTruncates is how many transactions are remembered that have truncated a table.
const mostTruncates = 64

// truncated is called for each TRUNCATE in the stream.
func (t *trees) truncated(oid, xid uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	xids := append(t.emptied[oid], xid)
	t.emptied[oid] = xids[max(0, len(xids)-mostTruncates):]
}

// streamed reports whether the stream has the TRUNCATE that a partition's file is of. In a subtransaction the catalogue has another
// transaction than the stream; then all partitions of the root have the same one.
func (t *trees) streamed(root, written uint32, together bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.emptied[root], func(xid uint32) bool {
		return xid == written || together && precedes(xid, written) && written-xid < 1000
	})
}

// soonest is the least time between two looks that were asked for.
const soonest = 100 * time.Millisecond

// wait waits for the next look: for d, until one is asked for, or until the stream has come to a truncation in question.
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

// look compares the trees with the base, and says what is missing in the stream. hurry makes the stream tell its position soon.
func (t *trees) look(ctx context.Context, conn *pgx.Conn, expedite func()) error {
	t.looking.Lock()
	defer t.looking.Unlock()
	t.mu.Lock()
	passed, base := t.passed, t.base
	t.mu.Unlock()
	if !passed {
		return nil
	}
	nodes, err := t.config.readTrees(ctx, conn)
	if err != nil {
		return err
	}
	now := baseOf(nodes)
	t.roots.Store(&now.roots)
	problems, err := t.config.treeProblems(ctx, conn, nodes)
	if err != nil {
		return err
	}
	children, err := t.config.childProblems(ctx, conn)
	if err != nil {
		return err
	}
	if len(now.leaves) > maxLeaves && !t.told {
		t.told = true
		t.log.Warn("too many partitions to record: what happens to them while no daemon runs is not noticed",
			zap.Int("partitions", len(now.leaves)), zap.Int("most", maxLeaves))
	}
	was := base
	t.probes = 0
	if base == nil || base.cut {
		base = &treeBase{roots: now.roots, leaves: now.leaves, accepted: accepted(base)}
	}
	next, found, err := t.compare(ctx, conn, base, nodes)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		problems = append(problems, changed(found))
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
		expedite() // an idle server's keepalive takes it to the sinks' records
	}
	return nil
}

func accepted(b *treeBase) uint64 {
	if b == nil {
		return 0
	}
	return b.accepted
}

// conclude makes next the base, unless a record with a later one was read meanwhile, and shows what is wrong. It reports whether the
// base that sinks record is another one now.
func (t *trees) conclude(was, next *treeBase, problems []error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.base != was {
		t.nudge()
		return false
	}
	before := t.base.String()
	t.keep(next)
	t.ours = true
	var p *capture.Problem
	if len(problems) > 0 {
		p = capture.AsProblem(together(problems))
	}
	switch {
	case p == nil && t.problem != nil:
		t.log.Info("the warning has ended", zap.String("state", t.problem.State))
	case p != nil && (t.problem == nil || t.problem.Reason != p.Reason):
		// Its fix names the pipeline's files, which the status knows.
		t.log.Warn("warning", zap.String("state", p.State), zap.String("reason", p.Reason))
		if t.problem == nil || t.problem.State != p.State {
			t.since = time.Now()
		}
	}
	t.problem = p
	return next.String() != before
}

// warning is what stands now; nil: nothing.
func (t *trees) warning() (p *capture.Problem, since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.problem, t.since
}
