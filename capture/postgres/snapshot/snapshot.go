package snapshot

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// ErrCopied is the end of the rows of a snapshot.
var ErrCopied = errors.New("the snapshot is copied")

// closeTimeout bounds the orderly end of the connection.
const closeTimeout = time.Second

// Options describe a snapshot.
type Options struct {
	Name      string         // by which the server exports it
	Point     capture.LSN    // it shows everything before
	Origin    capture.Origin // of the stream that continues it
	State     []byte         // added to every batch
	LastState []byte         // of the last batch; nil: State
}

// Snapshot returns the rows of all tables as one virtual transaction (see capture.Position).
type Snapshot struct {
	options  Options
	conn     *pgx.Conn // in a transaction with the exported snapshot
	tables   []copyTable
	complete bool // tables has every published table; false: no rows are copied
	log      *zap.Logger

	out       chan capture.Batch
	failed    error // valid after out is closed
	asm       *decode.Assembler
	copied    atomic.Int64
	announced bool // the tables have been delivered
	estimated int64

	cancel context.CancelFunc // nil: Start has not been called
	ended  chan struct{}      // closed when the copy has ended
	once   sync.Once
}

// Open begins a transaction on an exported snapshot, over a connection that it takes over. The caller describes the tables
// next, and then calls Start; in any case it calls Close.
func Open(ctx context.Context, conn *pgx.Conn, o Options, log *zap.Logger) (*Snapshot, error) {
	s := &Snapshot{
		options: o, conn: conn, log: log, out: make(chan capture.Batch), ended: make(chan struct{}),
		asm: decode.NewAssembler(nil, decode.Options{Origin: o.Origin, State: o.State}),
	}
	s.asm.BeginCopy(&capture.Tx{LSN: o.Point - 1, Time: time.Now().UTC(), Epoch: o.Origin.Epoch(o.Point)})
	if err := s.begin(ctx); err != nil {
		s.hangUp()
		return nil, problem.Named("open snapshot", err)
	}
	return s, nil
}

// Conn returns the connection, whose transaction shows the snapshot. It belongs to the caller until Start.
func (s *Snapshot) Conn() *pgx.Conn { return s.conn }

// Point returns the position that the snapshot shows everything before.
func (s *Snapshot) Point() capture.LSN { return s.options.Point }

// copyTable is a table to copy, with its COPY query.
type copyTable struct {
	table *capture.Table
	sql   string
	// reduction is how its rows are reduced; nil: they are not.
	reduction *decode.Reduction
}

// Describe adds all published tables. r completes them; without a call of Describe no rows are copied.
func (s *Snapshot) Describe(ctx context.Context, r *decode.Relations, tables []publication.Table) error {
	list := make([]decode.CopyTable, len(tables))
	for i, t := range tables {
		list[i] = decode.CopyTable{OID: t.OID, Schema: t.Schema, Name: t.Name, Columns: t.Columns}
	}
	if err := r.DescribeCopy(ctx, s.conn, list); err != nil {
		return err
	}
	for i := range list {
		t := &tables[i]
		s.tables = append(s.tables, copyTable{table: list[i].Table, sql: copySQL(&list[i], t.Where), reduction: list[i].Reduction})
		s.estimated += t.Rows
	}
	s.complete = true
	return nil
}

func (s *Snapshot) begin(ctx context.Context) error {
	for _, sql := range []string{
		"SELECT pg_catalog.set_config('statement_timeout', '0', false), pg_catalog.set_config('lock_timeout', '0', false)",
		"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		"SET TRANSACTION SNAPSHOT " + pgconnect.Literal(s.options.Name),
	} {
		if _, err := s.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// copySQL returns the query that copies the rows of a table.
func copySQL(t *decode.CopyTable, where string) string {
	var names []string
	if t.Reduction != nil {
		names = t.Reduction.CopyColumns()
	} else {
		for i := range t.Table.Columns {
			names = append(names, t.Table.Columns[i].Name)
		}
	}
	from := "ONLY " // the children of a plain parent are published separately
	if t.Root {
		from = ""
	}
	sql := "COPY (SELECT " + pgconnect.Idents(names) + " FROM " + from + pgconnect.Ident(t.Schema, t.Name)
	if where != "" {
		sql += " WHERE " + where
	}
	return sql + ") TO STDOUT"
}

// Start copies all tables, one after the other, in a goroutine that Close joins. It ends early when ctx ends.
func (s *Snapshot) Start(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	go func() {
		defer close(s.ended)
		defer close(s.out)
		s.failed = s.copyAll(ctx)
		s.hangUp() // its locks would block a TRUNCATE
	}()
}

func (s *Snapshot) copyAll(ctx context.Context) error {
	began := time.Now()
	s.log.Info("snapshot", zap.Int("tables", len(s.tables)), zap.Int64("estimated_rows", s.estimated))
	for _, t := range s.tables {
		w := &copyWriter{ctx: ctx, snapshot: s, table: t}
		if _, err := s.conn.PgConn().CopyTo(ctx, w, t.sql); err != nil {
			return problem.NamedRead("copy "+t.table.String(), err)
		}
	}
	s.asm.EndCopy(s.options.Point)
	s.log.Info("snapshot copied", zap.Int64("rows", s.copied.Load()), zap.Duration("took", time.Since(began)))
	last := s.asm.Take()
	last.EndsSnapshot = s.complete
	if s.options.LastState != nil {
		last.State = s.options.LastState
	}
	return s.hand(ctx, last)
}

func (s *Snapshot) hand(ctx context.Context, b capture.Batch) error {
	if !s.announced {
		s.announced = true
		for _, t := range s.tables {
			b.Tables = append(b.Tables, t.table)
		}
	}
	select {
	case s.out <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Next waits for the next batch of rows. It returns ErrCopied after the last one, and when the stream has ended, for which
// ended is closed; nil: there is no stream.
func (s *Snapshot) Next(ctx context.Context, ended <-chan struct{}) (capture.Batch, error) {
	select {
	case b, more := <-s.out:
		if more {
			return b, nil
		}
		select {
		case <-ended: // the end of the stream has stopped the copy
		default:
			if s.failed != nil {
				return capture.Batch{}, s.failed
			}
		}
		return capture.Batch{}, ErrCopied
	case <-ended:
		return capture.Batch{}, ErrCopied // Next returns the reason why the stream has ended
	case <-ctx.Done():
		return capture.Batch{}, context.Cause(ctx)
	}
}

// Progress returns the number of rows delivered, and the estimated total.
func (s *Snapshot) Progress() (rows, estimated int64) {
	return s.copied.Load(), s.estimated
}

// Close ends the copy and releases the snapshot. Only the first call has an effect; the others wait for it.
func (s *Snapshot) Close() {
	s.once.Do(func() {
		if s.cancel == nil {
			s.hangUp()
			return
		}
		s.cancel()
		for range s.out { // the batch that the copy is about to hand over
		}
		<-s.ended
	})
}

func (s *Snapshot) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = s.conn.Close(ctx) // the transaction was read only
}

// copyWriter receives the lines of one table's COPY.
type copyWriter struct {
	ctx      context.Context
	snapshot *Snapshot
	table    copyTable
}

// Write receives one line: the server sends each line as one message.
func (w *copyWriter) Write(line []byte) (int, error) {
	s := w.snapshot
	a := s.asm
	if err := w.add(line); err != nil {
		return 0, err
	}
	s.copied.Add(1)
	if a.Full() {
		if err := s.hand(w.ctx, a.Take()); err != nil {
			return 0, err
		}
	}
	return len(line), nil
}

// add adds the row of a line.
func (w *copyWriter) add(line []byte) error {
	if w.table.reduction != nil {
		return w.snapshot.asm.CopyReduced(w.table.reduction, line)
	}
	return w.snapshot.asm.CopyRow(w.table.table, line)
}
