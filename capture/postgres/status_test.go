package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/joined"
	"github.com/tailrace/tailrace/capture/postgres/publication"
)

// wire is a connection that keeps what is written to it.
type wire struct {
	net.Conn
	mu  sync.Mutex
	out bytes.Buffer
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(b)
}
func (w *wire) Read([]byte) (int, error)         { return 0, io.EOF }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
func (w *wire) Close() error                     { return nil }

// update is a status update as the server reads it.
type update struct {
	write, flush, apply capture.LSN
	ask                 bool
}

// updates takes what was sent, which must be status updates.
func (w *wire) updates(t testing.TB) []update {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []update
	for b := w.out.Next(w.out.Len()); len(b) > 0; b = b[39:] {
		if len(b) < 39 || !bytes.Equal(b[:6], []byte{'d', 0, 0, 0, 38, 'r'}) || b[38] > 1 {
			t.Fatalf("not a status update: %x", b)
		}
		at := func(i int) capture.LSN { return capture.LSN(binary.BigEndian.Uint64(b[i:])) }
		if stamp := postgresEpoch.Add(time.Duration(at(30)) * time.Microsecond); time.Since(stamp).Abs() > time.Hour {
			t.Fatalf("stamped %s", stamp)
		}
		all = append(all, update{at(6), at(14), at(22), b[38] == 1})
	}
	return all
}

// newStream is a stream on a connection that is never read.
func newStream(t testing.TB) (*stream, *wire) {
	w := &wire{}
	relations := decode.NewRelations(func(context.Context, func(*pgx.Conn) error) error { return errors.New("no server here") }, nil, "")
	s := &stream{
		config: &Config{Slot: "s", Publication: "p", Heartbeat: 10 * time.Second, ShutdownGrace: 5 * time.Second}, log: zap.NewNop(),
		joins: joined.NewWatch(&publication.Config{}, zap.NewNop(), nil, withJoins),
		conn:  w, socket: conn.NewSocket(w), asm: decode.NewAssembler(relations, decode.Options{State: stateDone}), pulse: time.Second, out: make(chan capture.Batch, 100),
		ended: make(chan struct{}), origin: capture.Origin{System: 7, Timeline: 1},
	}
	s.frames = conn.NewFrames(w)
	s.control = &controlConn{config: s.config}
	_, s.cancel = context.WithCancelCause(t.Context())
	return s, w
}

func keepaliveBody(end capture.LSN, ask byte) []byte {
	return append(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(end)), 0), ask)
}

// The server replaces a zero flush by the write position and would discard changes that no sink has: all three are always
// set.
func TestStatusSetsAllPositions(t *testing.T) {
	s, w := newStream(t)
	s.flush.Store(0x100)
	s.status.received = 0x900
	if err := s.send(time.Now(), false); err != nil {
		t.Fatal(err)
	}
	s.status.received = 0 // nothing has come yet
	s.Confirm(capture.Position{LSN: 0x800, Seq: 3})
	if err := s.send(time.Now(), true); err != nil {
		t.Fatal(err)
	}
	got := w.updates(t)
	if len(got) != 2 || got[0] != (update{0x900, 0x100, 0x100, false}) || got[1] != (update{0x800, 0x800, 0x800, true}) {
		t.Errorf("%+v", got)
	}
}

// I2, and what a position inside a snapshot means to the server.
func TestConfirmOnlyGrows(t *testing.T) {
	s, _ := newStream(t)
	for _, c := range []struct {
		p    capture.Position
		want uint64
	}{
		{capture.Position{LSN: 0x100}, 0x100},
		{capture.Position{LSN: 0x80}, 0x100},
		{capture.Position{}, 0x100},
		{capture.Position{LSN: 0x1ff, Seq: 7}, 0x200}, // inside a snapshot whose point is 0x200
		{capture.Position{LSN: 0x200}, 0x200},
		{capture.Position{LSN: 0x208, Seq: 9}, 0x208},
	} {
		if s.Confirm(c.p); s.flush.Load() != c.want {
			t.Errorf("confirm %s: flush %s", c.p, capture.LSN(s.flush.Load()))
		}
	}
}

// The temporary slot may be dropped when the whole snapshot is durable, not when its last row is.
func TestConfirmCompletesTheSnapshot(t *testing.T) {
	s, _ := newStream(t)
	s.start = capture.Position{LSN: 0x1ff}
	s.copied = make(chan struct{})
	s.complete = once(s.copied)
	done := func() bool {
		select {
		case <-s.copied:
			return true
		default:
			return false
		}
	}
	for _, p := range []capture.Position{{LSN: 0x1ff}, {LSN: 0x1ff, Seq: 1 << 40}} {
		if s.Confirm(p); done() {
			t.Fatalf("%s ends the snapshot at %s", p, s.start)
		}
	}
	if s.Confirm(capture.Position{LSN: 0x200}); !done() {
		t.Error("the snapshot's point does not end it")
	}
}

// A keepalive advances an idle stream, and never in the middle of a transaction.
func TestKeepaliveInsideTransaction(t *testing.T) {
	s, _ := newStream(t)
	now := time.Now()
	if err := s.handleKeepalive(keepaliveBody(0x100, 0), now); err != nil {
		t.Fatal(err)
	}
	if b := s.asm.Take(); !b.Commit || b.End != (capture.Position{LSN: 0x100}) {
		t.Errorf("an idle stream: %+v", b)
	}
	if err := s.handleKeepalive(keepaliveBody(0x180, 0), now); err != nil || s.asm.Complete() { // too soon after the first
		t.Fatal(err, s.asm.Complete())
	}
	table := &capture.Table{OID: 16384, Schema: "public", Name: "t", Columns: []capture.Column{{Name: "id"}}}
	if err := errors.Join(s.asm.Add(t.Context(), beginMessage(0x200, 9), nil), s.asm.CopyRow(table, []byte("1\n"))); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []byte{0, 1} { // the end can be the start of this very commit record, and lie beyond it
		for _, end := range []capture.LSN{0x200, 0x400} {
			now = now.Add(time.Hour)
			if err := errors.Join(s.handleKeepalive(keepaliveBody(end, ask), now), s.reach(now, true)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if b := s.asm.Take(); b.Commit || b.End != (capture.Position{LSN: 0x200, Seq: 1}) {
		t.Errorf("inside a transaction: %+v", b)
	}
	if err := s.asm.Add(t.Context(), commitMessage(0x200, 0x230), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.reach(now.Add(time.Hour), true); err != nil {
		t.Fatal(err)
	}
	if b := s.asm.Take(); b.End != (capture.Position{LSN: 0x230}) {
		t.Errorf("a keepalive from inside the transaction counts after it: %+v", b)
	}
}

// Each batch without changes costs every sink a record: one per second, unless the server asks or a caller waits.
func TestEmptyBatchesAreRare(t *testing.T) {
	s, _ := newStream(t)
	now := time.Now()
	said := func(end capture.LSN, ask byte, d time.Duration) bool {
		t.Helper()
		now = now.Add(d)
		if err := s.handleKeepalive(keepaliveBody(end, ask), now); err != nil {
			t.Fatal(err)
		}
		return s.asm.Take().Commit
	}
	if !said(0x100, 0, 0) || said(0x100, 0, time.Hour) || !said(0x200, 0, 0) || said(0x300, 0, 900*time.Millisecond) {
		t.Error("a keepalive's position was said when it should not be, or the other way round")
	}
	if !said(0x300, 0, 100*time.Millisecond) || !said(0x400, 1, 0) {
		t.Error("not said a second later, or not at once when the server asks")
	}
	s.expeditedUntil.Store(now.Add(time.Minute).UnixNano())
	if !said(0x500, 0, 0) || said(0x500, 0, 0) {
		t.Error("not said at once when a caller waits")
	}
}

// Malformed messages are errors at worst.
func FuzzStreamMessage(f *testing.F) {
	f.Add(byte('d'), append([]byte{'k'}, keepaliveBody(0x100, 1)...))
	f.Add(byte('d'), append(append([]byte{'w'}, make([]byte, walHead)...), "I\x00\x00\x40\x00N\x00\x01t\x00\x00\x00\x011"...))
	f.Add(byte('d'), append(append([]byte{'w'}, make([]byte, walHead)...), beginMessage(1, 2)...))
	f.Add(byte('d'), []byte{})
	f.Add(byte('E'), []byte("SERROR\x00C57P01\x00Mended\x00\x00"))
	f.Add(byte('N'), []byte("SWARNING\x00C55000\x00Mskipped\x00\x00"))
	f.Add(byte('c'), []byte{})
	f.Add(byte('?'), []byte{})
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		s, _ := newStream(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // no server to ask about an error
		for range 2 {
			if s.message(ctx, conn.Frame{Kind: kind, Body: body}) != nil {
				return
			}
			s.asm.Take()
		}
	})
}

func beginMessage(commit capture.LSN, xid uint32) []byte {
	b := binary.BigEndian.AppendUint64([]byte{'B'}, uint64(commit))
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, 1_000_000), xid)
}

func commitMessage(commit, end capture.LSN) []byte {
	b := binary.BigEndian.AppendUint64([]byte{'C', 0}, uint64(commit))
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(end)), 1_000_000)
}

// The goroutine that makes a first start's slot permanent ends before the stream is closed.
func TestCloseWaitsForTheStreamsGoroutines(t *testing.T) {
	s, _ := newStream(t)
	s.run(t.Context())
	release, closed := make(chan struct{}), make(chan struct{})
	s.background.Go(func() {
		<-s.life.Done()
		<-release
	})
	go func() {
		defer close(closed)
		s.close()
	}()
	select {
	case <-closed:
		t.Error("the stream is closed, and its goroutine runs")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	<-closed
	select {
	case <-s.ended:
	default:
		t.Error("the stream is closed and has not ended")
	}
}
