package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// A first start copies all rows under the exported snapshot of a temporary slot, streams on from that slot, and copies the
// slot to the permanent one once every sink has the whole snapshot. So a permanent slot means a finished snapshot; an
// interrupted one leaves nothing on the server and starts again from scratch. docs/decisions/0004 describes the cost.

// errCopied is the end of the rows of a snapshot.
var errCopied = errors.New("the snapshot is copied")

// snapshot returns the rows of all tables as one virtual transaction (see capture.Position).
type snapshot struct {
	config *Config
	conn   *pgx.Conn // in a transaction with the exported snapshot
	point  capture.LSN
	tables []copyTable
	whole  bool   // tables has every published table; false: no rows are copied
	last   []byte // the state of the last batch; nil: that of the other batches
	log    *zap.Logger

	out       chan capture.Batch
	failed    error // valid after out is closed
	asm       *assembler
	copied    atomic.Int64
	told      bool          // the tables have been delivered
	started   bool          // Resume has called run
	ended     chan struct{} // closed when run has returned
	estimated int64
}

// copyTable is a table to copy, with its COPY query.
type copyTable struct {
	table *capture.Table
	sql   string
}

// first creates a temporary slot on repl and opens its snapshot. It returns the consistent point.
func (s *Source) first(ctx context.Context, repl *pgconn.PgConn, st *stream, pub *published) (capture.LSN, error) {
	st.slot = temporarySlot(s.config.Slot)
	point, name, err := s.create(ctx, repl, st.slot, func(p *capture.Problem) { s.report(p) })
	if err != nil {
		if sqlstate(err) != pgconnect.DuplicateObject {
			s.pid = repl.PID() // its process may still be waiting while it holds the slot
		}
		return 0, s.classifySlotError(ctx, st.slot, err)
	}
	if err := s.unfinished(ctx); err != nil {
		return 0, err
	}
	st.asm.state = statePending
	st.copied = make(chan struct{})
	st.complete = once(st.copied)
	if st.snapshot, err = s.openSnapshot(ctx, st.origin, point, name); err != nil {
		return 0, err
	}
	st.snapshot.asm.trees = s.trees
	err = s.trees.snapshot(ctx, st.snapshot.conn)
	if err == nil && s.config.Snapshot == SnapshotInitial {
		err = st.snapshot.describeAll(ctx, st.asm.relations, pub)
	}
	if err != nil {
		st.snapshot.close()
		return 0, err
	}
	return point, nil
}

// create creates a temporary slot and meanwhile reports what that waits for: every running transaction, for hours if
// necessary.
func (s *Source) create(ctx context.Context, repl *pgconn.PgConn, slot string, waits func(*capture.Problem)) (
	point capture.LSN, name string, err error,
) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pid, done, socket := repl.PID(), make(chan struct{}), conn.Below(repl.Conn())
	socket.Limit = 0
	defer func() { socket.Limit = conn.AnswerTimeout }()
	go func() {
		defer close(done)
		point, name, err = s.config.createSlot(ctx, repl, slot)
	}()
	look := time.NewTicker(watchPause)
	defer look.Stop()
	for {
		select {
		case <-done:
			return point, name, err
		case <-look.C:
			var wait *capture.Problem
			look := s.side.do(ctx, func(c *pgx.Conn) (err error) {
				wait, err = s.config.slotWait(ctx, c, pid)
				return err
			})
			switch {
			case look == nil && wait != nil:
				waits(wait)
			case look != nil && sqlstate(look) == "" && ctx.Err() == nil: // the server does not answer: the slot will not be created either
				cancel()
				<-done
				return 0, "", look
			}
		}
	}
}

// unfinished checks, while we hold the temporary slot, that no other daemon has created the permanent one meanwhile.
func (s *Source) unfinished(ctx context.Context) error {
	return s.side.do(ctx, func(c *pgx.Conn) error {
		row, err := s.config.readSlot(ctx, c, s.config.Slot)
		if err == nil && row != nil {
			return fmt.Errorf("%w: slot %s has been made meanwhile", capture.ErrRestart, s.config.Slot)
		}
		return err
	})
}

// temporarySlot returns the name of the slot of a first start. Two daemons of one pipeline use the same name, so only one
// succeeds.
func temporarySlot(slot string) string { return slot + temporarySuffix }

const temporarySuffix = "_snapshot"

// openSnapshot begins a transaction on the exported snapshot of a slot. The caller describes its tables next.
func (s *Source) openSnapshot(ctx context.Context, o capture.Origin, point capture.LSN, name string) (*snapshot, error) {
	c, err := s.config.control(ctx)
	if err != nil {
		return nil, err
	}
	conn.Below(c.PgConn().Conn()).Limit = 0 // a filter may skip rows for a long time; the copy ends with the stream
	tx := &capture.Tx{LSN: point - 1, Time: time.Now().UTC(), Epoch: o.Epoch(point)}
	sn := &snapshot{
		config: &s.config, conn: c, point: point, log: s.log, out: make(chan capture.Batch), ended: make(chan struct{}),
		asm: &assembler{origin: o, state: statePending, tx: tx},
	}
	if err := sn.prepare(ctx, name); err != nil {
		sn.close()
		return nil, s.config.named("open snapshot", err)
	}
	return sn, nil
}

// describeAll adds all published tables.
func (sn *snapshot) describeAll(ctx context.Context, r *relations, pub *published) error {
	var oids []uint32
	for _, t := range pub.Tables {
		oids = append(oids, t.OID)
	}
	all, err := tables(ctx, sn.conn, oids)
	if err != nil {
		return sn.config.named("read tables", err)
	}
	r.learn(all)
	for _, t := range pub.Tables {
		ct, err := sn.describe(ctx, r, t, all.tables[t.OID])
		if err != nil {
			return sn.config.named("read table "+t.Schema+"."+t.Name, err)
		}
		sn.tables = append(sn.tables, ct)
		sn.estimated += t.Rows
	}
	sn.whole = true
	return nil
}

func (sn *snapshot) prepare(ctx context.Context, name string) error {
	for _, sql := range []string{
		"SELECT pg_catalog.set_config('statement_timeout', '0', false), pg_catalog.set_config('lock_timeout', '0', false)",
		"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		"SET TRANSACTION SNAPSHOT " + pgconnect.Literal(name),
	} {
		if _, err := sn.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// describeShape reads what a relation message would have about a published table.
const describeShape = `
SELECT c.relreplident::text, c.relkind = 'p', a.attname, a.atttypid, a.atttypmod,
       CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false ELSE EXISTS (
           SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey)
           AND CASE c.relreplident WHEN 'd' THEN i.indisprimary AND i.indimmediate ELSE i.indisreplident END) END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY ($2) ORDER BY a.attnum`

func (sn *snapshot) describe(ctx context.Context, r *relations, t publishedTable, d description) (copyTable, error) {
	rel := pgoutput.Relation{ID: t.OID, Schema: t.Schema, Name: t.Name}
	rows, err := sn.conn.Query(ctx, describeShape, t.OID, t.Columns)
	if err != nil {
		return copyTable{}, err
	}
	var identity string
	var tree bool
	var col pgoutput.Column
	var names []string
	_, err = pgx.ForEachRow(rows, []any{&identity, &tree, &col.Name, &col.Type, &col.Modifier, &col.Key}, func() error {
		rel.Identity = identity[0]
		rel.Columns = append(rel.Columns, col)
		names = append(names, ident(col.Name))
		return nil
	})
	if err != nil {
		return copyTable{}, err
	}
	if err := r.resolve(ctx, &rel, d); err != nil {
		return copyTable{}, err
	}
	r.describe(&rel, d, true)
	table, err := r.table(rel.ID, capture.Insert)
	from := "ONLY " // the children of a plain parent are published separately
	if tree {
		from = ""
	}
	sql := "COPY (SELECT " + strings.Join(names, ", ") + " FROM " + from + ident(t.Schema, t.Name)
	if t.Where != "" {
		sql += " WHERE " + t.Where
	}
	return copyTable{table: table, sql: sql + ") TO STDOUT"}, err
}

// run copies all tables, one after the other, and then marks the snapshot as complete.
func (sn *snapshot) run(ctx context.Context) {
	defer close(sn.ended)
	defer close(sn.out)
	sn.failed = sn.copyAll(ctx)
	sn.close() // its locks would block a TRUNCATE
}

func (sn *snapshot) copyAll(ctx context.Context) error {
	began := time.Now()
	sn.log.Info("snapshot", zap.Int("tables", len(sn.tables)), zap.Int64("estimated_rows", sn.estimated))
	for _, t := range sn.tables {
		w := &copyWriter{ctx: ctx, snapshot: sn, table: t.table}
		if _, err := sn.conn.PgConn().CopyTo(ctx, w, t.sql); err != nil {
			return sn.config.readError("copy "+t.table.String(), err)
		}
	}
	sn.asm.ends(sn.point)
	sn.asm.close(capture.Position{LSN: sn.point})
	sn.log.Info("snapshot copied", zap.Int64("rows", sn.copied.Load()), zap.Duration("took", time.Since(began)))
	last := sn.asm.take()
	last.EndsSnapshot = sn.whole
	if sn.last != nil {
		last.State = sn.last
	}
	return sn.hand(ctx, last)
}

func (sn *snapshot) hand(ctx context.Context, b capture.Batch) error {
	if !sn.told {
		sn.told = true
		for _, t := range sn.tables {
			b.Tables = append(b.Tables, t.table)
		}
	}
	select {
	case sn.out <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// next is Stream.Next while rows are copied; it returns errCopied after the last.
func (sn *snapshot) next(ctx context.Context, ended <-chan struct{}) (capture.Batch, error) {
	select {
	case b, more := <-sn.out:
		if more {
			return b, nil
		}
		select {
		case <-ended: // the end of the stream has stopped the copy
		default:
			if sn.failed != nil {
				return capture.Batch{}, sn.failed
			}
		}
		return capture.Batch{}, errCopied
	case <-ended:
		return capture.Batch{}, errCopied // Next returns the reason why the stream has ended
	case <-ctx.Done():
		return capture.Batch{}, context.Cause(ctx)
	}
}

// progress returns the number of rows delivered, and the estimated total.
func (sn *snapshot) progress() (rows, estimated int64) {
	return sn.copied.Load(), sn.estimated
}

// abandon releases a snapshot whose stream has ended.
func (sn *snapshot) abandon() {
	if sn.started {
		<-sn.ended
		return
	}
	sn.close()
}

func (sn *snapshot) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = sn.conn.Close(ctx) // the transaction was read only
}

// copyWriter receives the lines of one table's COPY.
type copyWriter struct {
	ctx      context.Context
	snapshot *snapshot
	table    *capture.Table
}

// Write receives one line: the server sends each line as one message.
func (w *copyWriter) Write(line []byte) (int, error) {
	sn := w.snapshot
	a := sn.asm
	text, slab, bytes := a.keep(line, nil)
	values := slab.Take(len(w.table.Columns))
	if err := copyRow(text, values); err != nil {
		return 0, err
	}
	c := capture.Change{Op: capture.Read, Table: w.table, After: values}
	a.append(c, bytes+changeCost+valueCost*len(values))
	sn.copied.Add(1)
	if a.full() {
		if err := sn.hand(w.ctx, a.take()); err != nil {
			return 0, err
		}
	}
	return len(line), nil
}

// Resume implements capture.Stream. An existing slot means a finished snapshot. Without a slot, the sinks' records show
// whether there ever was one. When a lane continues, nothing may be missing between its records and the stream.
func (s *stream) Resume(ctx context.Context, records []capture.Record) (fromSnapshot bool, err error) {
	if s.joins.pass(len(records)); s.snapshot == nil {
		s.accept()
		return false, nil
	}
	if r := s.config.beyond(records); r != nil {
		p := s.config.slotMissing(nil)
		p.Reason += fmt.Sprintf("; sink %s holds everything up to %s", r.Sink, r.Position)
		return false, p
	}
	s.accept() // from now on the publication is checked
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		<-s.ended
		cancel()
	}()
	s.snapshot.started = true
	go s.snapshot.run(ctx)
	go s.settle(ctx)
	return true, nil
}

// settle waits until every sink has the snapshot, copies the temporary slot to the permanent one, and lets the stream start
// again from that.
func (s *stream) settle(ctx context.Context) {
	select {
	case <-s.copied:
	case <-ctx.Done():
		return
	}
	if err := s.lasting(ctx); err != nil {
		s.end(s.config.named("make slot "+s.config.Slot, err))
		return
	}
	s.lasts.Store(true)
	s.end(capture.ErrRestart)
}

func (s *stream) lasting(ctx context.Context) error {
	err := s.control.do(ctx, func(c *pgx.Conn) error {
		// One statement, so that it runs only while our walsender holds the temporary slot.
		_, err := c.Exec(ctx, `SELECT pg_catalog.pg_copy_logical_replication_slot(slot_name, $2, false)
			FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active_pid = $3`, s.slot, s.config.Slot, s.pid)
		return err
	})
	if err != nil || !s.config.Failover {
		return err
	}
	return s.config.failover(ctx)
}
