package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/joined"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/capture/postgres/trees"
)

// Source reads the changes of one database through one slot. It implements capture.Source and capture.HealthReporter.
type Source struct {
	config Config
	log    *zap.Logger

	control *controlConn

	// Used by Run's goroutine, and by the stream's while there is one:
	relations *decode.Relations
	messages  *decode.Messages
	report    func(error)
	pid       uint32        // the last walsender, which may outlive its connection
	patience  time.Duration // the minimum time of silence after which a server counts as dead
	keeper    *publication.Keeper
	trees     *trees.Watch
	joins     *joined.Watch
	attempts  attempts
	tables    *publication.TableWatch // used by the goroutine that has the control connection

	stalls  atomic.Uint64 // the number of stalls of all connections
	ignored ignoredAnnotations

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
	s.control = &controlConn{config: &s.config}
	s.keeper = publication.NewKeeper(c.publication(), s.control.do, log)
	s.tables = publication.NewTableWatch(c.publication(), log)
	s.relations = decode.NewRelations(s.control.do, c.keys(), c.Slot)
	s.messages = decode.NewMessages(c.Annotations, s.ignoreAnnotation)
	s.trees = trees.NewWatch(c.publication(), log, [][]byte{stateDone, statePending}, withTrees)
	s.joins = joined.NewWatch(c.publication(), log, s.trees.Leaf, withJoins)
	return s
}

// leastPatience is the minimum time that a server may be silent after it was asked for an answer.
const leastPatience = 30 * time.Second

// standbyPause is how often a standby checks whether the slot is free.
const standbyPause = time.Second

// Run implements capture.Source.
func (s *Source) Run(ctx context.Context, report func(error), serve func(context.Context, capture.Stream) error) error {
	s.report = report
	defer s.control.close()
	for ctx.Err() == nil {
		err := s.session(ctx, serve)
		s.gone()
		if errors.Is(err, capture.ErrSlotInUse) { // a standby checks again on the same connection
			report(err)
			s.keeper.Forget() // the daemon that holds the slot may have another file
			s.trees.Forget()
			s.joins.Forget()
			_ = capture.Sleep(ctx, standbyPause) // the loop checks ctx
			continue
		}
		s.control.close()
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
	var pub *publication.Published
	var row *slot.State
	err := s.control.do(ctx, func(c *pgx.Conn) (err error) {
		if row, err = slot.Read(ctx, c, s.config.Slot); err != nil {
			return err
		}
		if err = s.checkSlotFree(ctx, c, row); err != nil {
			return err
		}
		pub, err = s.keeper.Prepare(ctx, c, row)
		return err
	})
	if err == nil && row != nil && s.config.Failover && !row.Failover {
		err = s.config.makeFailover(ctx)
	}
	if err != nil {
		return err
	}
	st, err := s.open(ctx, pub, row)
	if err != nil {
		return err
	}
	s.begin(st)
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(watch, st)
	}()
	defer func() {
		stop()
		st.close() // first: receive may have the connection that the watch waits for
		<-watched
	}()
	began := time.Now()
	err = serve(ctx, st)
	if p := capture.AsProblem(err); p != nil && p.State == publication.AlteredState {
		s.keeper.Refused(ctx)
	}
	s.attempts.served(time.Since(began), st.delivered())
	return err
}

// checkSlotFree returns an error when another process has the slot or, if there is none yet, is creating it: an attempt to
// acquire it anyway would be an error in the server's log every second. A nil error proves nothing: only START_REPLICATION
// does. classifySlotError terminates our own previous walsender if that still holds the slot.
func (s *Source) checkSlotFree(ctx context.Context, c *pgx.Conn, row *slot.State) (err error) {
	name := s.config.Slot
	if row == nil {
		name = slot.TemporaryName(name)
		if row, err = slot.Read(ctx, c, name); err != nil {
			return err
		}
	} else if p := row.Problem(); p != nil {
		return p
	}
	if row == nil || !row.Active || s.pid != 0 && uint32(row.PID) == s.pid {
		return nil
	}
	return fmt.Errorf("%w: slot %s is held by process %d", capture.ErrSlotInUse, name, row.PID)
}

// Health implements capture.HealthReporter.
func (s *Source) Health() capture.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countedLocked()
	h := s.health
	h.Stalls, h.AnnotationsIgnored = s.stalls.Load(), s.ignored.count.Load()
	h.Warnings = append(slices.Clone(h.Warnings), s.trees.Warnings()...)
	if p, since := s.joins.Warning(); p != nil {
		h.Warnings = append(h.Warnings, capture.ActiveWarning{Problem: p, Since: since})
	}
	return h
}

// countedLocked updates Health with the rows that the stream's snapshot, or the copies next to the stream, have copied. A first
// start counts as copying until its stream ends, when every sink has the rows.
func (s *Source) countedLocked() {
	if len(s.copies) > 0 {
		s.health.Copied, s.health.Estimated = 0, 0
	}
	for c := range s.copies {
		rows, estimated := c.snapshot.Progress()
		s.health.Copied += rows
		s.health.Estimated += estimated
	}
	if s.stream != nil && s.stream.snapshot != nil {
		s.health.Copying = true
		s.health.Copied, s.health.Estimated = s.stream.snapshot.Progress()
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
	s.countedLocked()
	s.stream = nil
	h := &s.health
	h.Connected, h.Copying, h.Waiting, h.Warnings, h.Unpublished = false, false, nil, nil, -1
}

// WALEnd returns the present end of the server's WAL: every commit that has returned lies before it, and an idle server's
// stream reaches it soon. It queries the server on a separate connection.
func (s *Source) WALEnd(ctx context.Context) (capture.LSN, error) {
	c, err := s.config.control(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close(ctx) }()
	end, err := slot.WALEnd(ctx, c)
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
