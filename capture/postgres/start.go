package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// open starts the slot where it is confirmed, or makes a first start when there is none. The slot comes first: no sink is
// opened before the slot is ours.
func (s *Source) open(ctx context.Context, pub *publication.Published, row *slot.State) (*stream, error) {
	repl, err := s.config.replication(ctx)
	if err != nil {
		return nil, err
	}
	st, err := s.start(ctx, repl, pub, row)
	if err != nil {
		_ = repl.Close(context.WithoutCancel(ctx)) // desynchronised after an error: not reused
		return nil, err
	}
	return st, nil
}

func (s *Source) start(ctx context.Context, repl *pgconn.PgConn, pub *publication.Published, row *slot.State) (*stream, error) {
	origin, _, err := slot.Identify(ctx, repl, s.config.Slot)
	if err != nil {
		return nil, err
	}
	var next uint64
	if err := s.control.do(ctx, func(c *pgx.Conn) (err error) {
		if origin.Database, next, err = slot.Database(ctx, c); err != nil {
			return err
		}
		if err = s.joins.Begin(ctx, c, s.keeper, pub); err != nil {
			return err
		}
		s.config.reduce(s.relations, pub.Baselines)
		return s.relations.Preload(ctx, c, s.config.Publication)
	}); err != nil {
		return nil, err
	}
	s.trees.Begin()
	view := s.keeper.View(pub, next)
	origin.Publication = view.Fingerprint()
	state := stateDone
	if row == nil {
		state = statePending
	}
	st := &stream{
		config: &s.config, log: s.log, control: s.control, trees: s.trees, joins: s.joins, slot: s.config.Slot, pid: repl.PID(), origin: origin, stalls: &s.stalls,
		asm: decode.NewAssembler(s.relations, decode.Options{
			Origin: origin, State: state, SkipReplicated: s.config.SkipReplicated, NextXID: next, Names: view, Trees: s.trees,
			Messages: s.messages,
		}),
		publication: view,
		accept: func() {
			view.Accept(ctx)
			s.trees.Pass()
		},
	}
	st.rows = func(ctx context.Context, n int, waits func(*capture.Problem)) (capture.Copy, error) {
		c, err := s.copyRows(ctx, origin, n, waits)
		if errors.Is(err, errOtherFingerprint) {
			st.end(capture.ErrRestart) // the next stream reads the present publication
		}
		return c, err
	}
	timeout, err := senderTimeout(ctx, repl)
	if err != nil {
		return nil, err
	}
	st.pulse, st.patience = pulse(timeout), max(s.patience, timeout)
	if timeout == 0 {
		st.patience = max(s.patience, endless)
	}
	conn.Below(repl.Conn()).Unanswered(st.patience)
	from := capture.LSN(0)
	if row == nil {
		s.keeper.Forget() // whatever was altered before, this stream begins with all rows
		s.joins.Forget()
		if from, err = s.first(ctx, repl, st, pub); err != nil {
			return nil, err
		}
		st.start = capture.Position{LSN: from - 1}
	} else {
		from = row.Confirmed
		st.start = capture.Position{LSN: from}
	}
	st.flush.Store(uint64(from))
	st.asm.StartAt(from)
	s.trees.ReadTo(from) // the keepalives of an idle server may have no other position
	if err := st.launch(ctx, repl, from); err != nil {
		if st.snapshot != nil {
			st.snapshot.Close()
		}
		return nil, s.classifySlotError(ctx, st.slot, err)
	}
	return st, nil
}

// classifySlotError determines which process holds the slot if err means that it is in use. If that is our own previous
// walsender, which may not have noticed that its connection is gone, classifySlotError terminates it.
func (s *Source) classifySlotError(ctx context.Context, name string, err error) error {
	if code := pgconnect.SQLState(err); code != pgconnect.ObjectInUse && code != pgconnect.DuplicateObject {
		return err
	}
	ours := false
	readErr := s.control.do(ctx, func(c *pgx.Conn) error {
		row, err := slot.Read(ctx, c, name)
		if err != nil || row == nil || uint32(row.PID) != s.pid || s.pid == 0 {
			return err
		}
		ours = true
		_, err = c.Exec(ctx, `SELECT pg_terminate_backend($1)`, row.PID)
		return err
	})
	if readErr != nil || ours {
		_ = capture.Sleep(ctx, 100*time.Millisecond) // Run checks ctx
		return fmt.Errorf("%w: slot %s is still held by our previous connection", capture.ErrRestart, name)
	}
	return fmt.Errorf("%w: %w", capture.ErrSlotInUse, err)
}

// endless is the patience with a server that sets no limit for us.
const endless = 5 * time.Minute

// pulse returns the interval of our status updates: three within the server's timeout, and at least one per second.
func pulse(timeout time.Duration) time.Duration {
	if timeout == 0 {
		return time.Second
	}
	return max(min(timeout/3, time.Second), 10*time.Millisecond)
}

// senderTimeout returns the time after which the server disconnects a silent client; 0: never.
func senderTimeout(ctx context.Context, repl *pgconn.PgConn) (time.Duration, error) {
	rs, err := repl.Exec(ctx, "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'").ReadAll()
	if err != nil {
		return 0, fmt.Errorf("read wal_sender_timeout: %w", err)
	}
	ms, err := strconv.Atoi(string(rs[0].Rows[0][0]))
	if err != nil {
		return 0, fmt.Errorf("read wal_sender_timeout: %w", err)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// launch takes the connection over from the driver, which would read ahead, and starts the slot. It requests version 1 of
// the protocol, which has no message for a transaction that has not committed (I4).
func (s *stream) launch(ctx context.Context, repl *pgconn.PgConn, from capture.LSN) (err error) {
	option := ""
	if s.config.SkipReplicated && pgconnect.Major(repl) >= 16 { // on older servers the assembler skips them
		option = ", origin 'none'"
	}
	if pgconnect.Major(repl) >= 14 { // older servers send no logical messages
		option += ", messages 'true'"
	}
	h, err := repl.Hijack()
	if err != nil {
		return fmt.Errorf("take over the connection: %w", err)
	}
	s.conn, s.socket = h.Conn, conn.Below(h.Conn)
	s.socket.Own()
	defer func() {
		if err != nil {
			_ = s.conn.Close() // the driver no longer owns it
		}
	}()
	s.attach()
	sql := fmt.Sprintf("START_REPLICATION SLOT %s LOGICAL %s (proto_version '1', publication_names %s%s)", s.slot, from,
		pgconnect.CommandLiteral(pgconnect.Ident(s.config.Publication)), option)
	q, err := (&pgproto3.Query{String: sql}).Encode(nil)
	if err != nil {
		return err
	}
	if _, err := s.conn.Write(q); err != nil {
		return problem.Named("start slot "+s.slot, err)
	}
	stop := context.AfterFunc(ctx, s.socket.Wake)
	defer stop()
	for {
		m, err := s.frames.Next()
		if err != nil {
			return problem.Named("start slot "+s.slot, err)
		}
		switch m.Kind {
		case 'W':
			s.run(context.WithoutCancel(ctx))
			return nil
		case 'E':
			return s.refused(ctx, m.Body)
		case 'N', 'S':
		default:
			return fmt.Errorf("start slot %s: an answer %q", s.slot, m.Kind)
		}
	}
}

// attach cuts the connection into frames, and connects the frames and the socket so that each can query the other.
func (s *stream) attach() {
	s.frames = conn.NewFrames(s.conn)
	if conn.MaxSegment > 0 { // 0: a test wants the stall
		s.frames.Wide = func() { s.socket.Widen(conn.RoomyBuffer) }
	}
	if s.socket.Rests == conn.RestsUnix {
		s.frames.Restless = conn.RestlessUnix
	}
	s.socket.Inside, s.socket.Large, s.socket.Stalled = s.frames.Partial, s.frames.Large, s.stalled
}
