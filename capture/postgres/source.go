package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// Source reads the changes of one database through one slot. It implements capture.Source and capture.HealthReporter.
type Source struct {
	config Config
	log    *zap.Logger

	side *sideConn

	// Used by Run's goroutine, and by the stream's while there is one:
	relations *relations
	report    func(error)
	pid       uint32        // the last walsender, which may outlive its connection
	patience  time.Duration // the minimum time of silence after which a server counts as dead
	prepared  bool          // the publication matches the file
	accepted  *edition      // the edition of the publication that the last stream passed with; nil: none has
	added     []string      // tables that the publication got next to an older slot, and that no stream has listed yet
	names     naming
	trees     *trees
	joins     *joins
	attempts  attempts
	tables    tableWatch // used by the goroutine that has side's connection

	stalls atomic.Uint64 // the number of stalls of all connections

	mu     sync.Mutex
	health capture.Health
	meter  meter
	stream *stream // nil: none
	copies map[*rowCopy]struct{}
}

// New creates a source; it contacts no server.
func New(c Config, log *zap.Logger) *Source {
	s := &Source{config: c, log: log, patience: leastPatience, copies: map[*rowCopy]struct{}{}}
	s.health = capture.Health{Retained: -1, Safe: -1, Unpublished: -1}
	s.side = &sideConn{config: &s.config}
	s.relations = newRelations(s.side.do, c.keys())
	s.trees = newTrees(&s.config, log)
	s.joins = newJoins(&s.config, log, s.trees)
	s.relations.slot = c.Slot
	return s
}

// leastPatience is the minimum time that a server may be silent after it was asked for an answer.
const leastPatience = 30 * time.Second

// standbyPause is how often a standby checks whether the slot is free.
const standbyPause = time.Second

// Run implements capture.Source.
func (s *Source) Run(ctx context.Context, report func(error), serve func(context.Context, capture.Stream) error) error {
	s.report = report
	defer s.side.close()
	for ctx.Err() == nil {
		err := s.session(ctx, serve)
		s.gone()
		if errors.Is(err, capture.ErrSlotInUse) { // a standby checks again on the same connection
			report(err)
			s.accepted = nil // the daemon that holds the slot may have another file
			s.names.forget()
			s.trees.forget()
			s.joins.forget()
			_ = capture.Sleep(ctx, standbyPause) // the loop checks ctx
			continue
		}
		s.side.close()
		if ctx.Err() != nil || errors.Is(err, capture.ErrRestart) {
			continue
		}
		if err == nil {
			err = errors.New("the stream ended without a reason")
		}
		report(err)
		_ = capture.Sleep(ctx, s.attempts.backoff.Next(err))
	}
	return nil
}

// session is one connection: check, prepare the publication, start the slot, serve.
func (s *Source) session(ctx context.Context, serve func(context.Context, capture.Stream) error) error {
	var pub *published
	var slot *slotState
	err := s.side.do(ctx, func(c *pgx.Conn) (err error) {
		if slot, err = s.config.readSlot(ctx, c, s.config.Slot); err != nil {
			return err
		}
		if err = s.checkSlotFree(ctx, c, slot); err != nil {
			return err
		}
		pub, err = s.prepare(ctx, c, slot)
		return err
	})
	if err == nil && slot != nil && s.config.Failover && !slot.Failover {
		err = s.config.failover(ctx)
	}
	if err != nil {
		return err
	}
	st, err := s.open(ctx, pub, slot)
	if err != nil {
		return err
	}
	defer st.close()
	s.begin(st)
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go s.watch(watch, st)
	began := time.Now()
	err = serve(ctx, st)
	s.refused(ctx, err)
	s.attempts.served(time.Since(began), st.delivered())
	return err
}

// publicationAltered is the state in which the start rule refuses a stream because of what Compare has found.
const publicationAltered = "publication_altered"

// refused handles the refusal of a stream because the publication was altered. By then every sink was checked and the
// records contain the findings, so this process can forget them. It also makes the publication match the file, so that an
// operator who accepts what is missing does not accept a publication that continues to lack it. If no sink keeps a record,
// the publication itself does.
func (s *Source) refused(ctx context.Context, err error) {
	if p := capture.AsProblem(err); p != nil && p.State == publicationAltered {
		if found := s.names.unrecorded(); len(found) > 0 && s.config.Manage {
			s.keepNote(ctx, strings.Join(found, ", "))
		}
		s.accepted, s.prepared = nil, false
		s.names.judged()
	}
}

// checkSlotFree returns an error when another process has the slot or, if there is none yet, is creating it: an attempt to
// acquire it anyway would be an error in the server's log every second. A nil error proves nothing: only START_REPLICATION
// does. classifySlotError terminates our own previous walsender if that still holds the slot.
func (s *Source) checkSlotFree(ctx context.Context, c *pgx.Conn, slot *slotState) (err error) {
	name := s.config.Slot
	if slot == nil {
		name = temporarySlot(name)
		if slot, err = s.config.readSlot(ctx, c, name); err != nil {
			return err
		}
	} else if p := s.config.slotProblem(slot); p != nil {
		return p
	}
	if slot == nil || !slot.Active || s.pid != 0 && uint32(slot.PID) == s.pid {
		return nil
	}
	return fmt.Errorf("%w: slot %s is with process %d", capture.ErrSlotInUse, name, slot.PID)
}

// prepare checks the server and makes the publication match the file: the publication comes before the slot. If the slot is
// in use, the publication belongs to the daemon that uses it, whose file may differ. After the first stream, a new table
// that matches a wildcard and cannot be published must not stop a working pipeline. In both cases prepare only reads. A
// table that was renamed gets a new row in the publication if it still belongs to it: a verdict relies on that.
func (s *Source) prepare(ctx context.Context, c *pgx.Conn, slot *slotState) (*published, error) {
	again := s.names.strayed()
	if slot != nil && (slot.Active || s.prepared) {
		pub := &published{}
		err := s.config.look(ctx, c, pub)
		renamed := err == nil && s.rename(&pub.Edition)
		if err != nil || slot.Active || !renamed && len(again) == 0 {
			return pub, err
		}
		again = s.names.strayed()
	}
	plan, problems := s.config.preflight(ctx, c)
	if len(problems) > 0 {
		return nil, together(problems)
	}
	plan.again = again
	pub, err := s.config.publication(ctx, c, plan)
	if err != nil {
		return nil, err
	}
	s.names.stamp()
	s.prepared = true
	if pub.changed() {
		s.log.Info("publication", zap.String("name", s.config.Publication), zap.Strings("added", pub.Added),
			zap.Strings("removed", pub.Removed), zap.Strings("changed", pub.Changed))
	}
	if slot != nil {
		s.added = append(s.added, pub.Added...)
	}
	return pub, nil
}

// together combines several errors: the state is that of the first, the text contains all of them.
func together(problems []error) error {
	first := capture.AsProblem(problems[0])
	if first == nil || len(problems) == 1 {
		return problems[0]
	}
	p := *first
	for _, err := range problems[1:] {
		p.Reason += "; " + err.Error()
		if next := capture.AsProblem(err); next != nil && next.Fix != "" && next.Fix != p.Fix {
			p.Fix += "\n" + next.Fix
		}
	}
	return &p
}

// Health implements capture.HealthReporter.
func (s *Source) Health() capture.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counted()
	h := s.health
	h.Stalls = s.stalls.Load()
	for _, warning := range []func() (*capture.Problem, time.Time){s.trees.warning, s.joins.warning} {
		h.Warning, h.WarningSince = bothWarnings(h.Warning, h.WarningSince, warning)
	}
	return h
}

// bothWarnings combines a warning, which may be nil, with a second one.
func bothWarnings(p *capture.Problem, since time.Time, second func() (*capture.Problem, time.Time)) (*capture.Problem, time.Time) {
	next, nextSince := second()
	switch {
	case next == nil:
		return p, since
	case p == nil:
		return next, nextSince
	case nextSince.Before(since):
		since = nextSince
	}
	return capture.AsProblem(together([]error{p, next})), since
}

// counted updates Health with the rows that the stream's snapshot, or the copies next to the stream, have copied. A first
// start counts as copying until its stream ends, when every sink has the rows. The caller holds mu.
func (s *Source) counted() {
	if len(s.copies) > 0 {
		s.health.Copied, s.health.Estimated = 0, 0
	}
	for c := range s.copies {
		rows, estimated := c.progress()
		s.health.Copied += rows
		s.health.Estimated += estimated
	}
	if s.stream != nil && s.stream.snapshot != nil {
		s.health.Copying = true
		s.health.Copied, s.health.Estimated = s.stream.snapshot.progress()
	}
}

func (s *Source) begin(st *stream) {
	s.pid = st.pid
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream = st
	s.health.Connected = true
}

func (s *Source) gone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counted()
	s.stream = nil
	h := &s.health
	h.Connected, h.Copying, h.Waiting, h.Warning, h.Unpublished = false, false, nil, nil, -1
}

// WALEnd returns the present end of the server's WAL: every commit that has returned lies before it, and an idle server's
// stream reaches it soon. It queries the server on a separate connection.
func (s *Source) WALEnd(ctx context.Context) (capture.LSN, error) {
	c, err := s.config.control(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close(ctx) }()
	end, err := s.config.walEnd(ctx, c)
	if err != nil {
		return 0, fmt.Errorf("read the end of the WAL: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream != nil {
		s.stream.expedite()
	}
	return end, nil
}

// keys returns the file's `key` of each table that has one.
func (c *Config) keys() map[string][]string {
	keys := map[string][]string{}
	for _, o := range c.Options {
		if len(o.Key) > 0 {
			keys[o.Name] = o.Key
		}
	}
	return keys
}
