package pgoutput

import (
	"encoding/binary"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// CutXID removes the transaction id from the body of a message that stands between a StreamStart and a StreamStop and
// whose kind is Streamed. It is the id of the subtransaction that made the change.
func CutXID(k Kind, src []byte) (xid uint32, body []byte, err error) {
	if len(src) < 4 {
		return 0, nil, short(k, 0, "xid", 4, len(src))
	}
	return binary.BigEndian.Uint32(src), src[4:], nil
}

// StreamStart opens a block of changes of a transaction that is still in progress.
type StreamStart struct {
	XID   uint32
	First bool // the first block of this transaction
}

// Decode reads the body of a KindStreamStart.
func (m *StreamStart) Decode(src []byte) error {
	c := read(KindStreamStart, src)
	m.XID = c.uint32("xid")
	m.First = c.byte("segment")&1 != 0
	return c.end()
}

// StreamStop ends a block.
type StreamStop struct{}

// Decode reads the body of a KindStreamStop, which is empty.
func (*StreamStop) Decode(src []byte) error {
	c := read(KindStreamStop, src)
	return c.end()
}

// StreamCommit marks a streamed transaction as committed.
type StreamCommit struct {
	XID    uint32
	LSN    capture.LSN // where the commit record starts
	EndLSN capture.LSN // where it ends
	Time   time.Time   // by the server's clock, in UTC
}

// Decode reads the body of a KindStreamCommit.
func (m *StreamCommit) Decode(src []byte) error {
	c := read(KindStreamCommit, src)
	m.XID = c.uint32("xid")
	c.flags()
	m.LSN = c.lsn("commit LSN")
	m.EndLSN = c.lsn("end LSN")
	m.Time = c.time("commit time")
	return c.end()
}

// StreamAbort marks a streamed transaction, or a subtransaction of it, as rolled back.
type StreamAbort struct {
	XID    uint32
	SubXID uint32      // equal to XID when the whole transaction is gone
	LSN    capture.LSN // of the abort record; 0 unless streaming = parallel was asked for
	Time   time.Time   // of the abort, in UTC; zero unless streaming = parallel was asked for
}

// Decode reads the body of a KindStreamAbort, in its short and in its long form.
func (m *StreamAbort) Decode(src []byte) error {
	c := read(KindStreamAbort, src)
	*m = StreamAbort{XID: c.uint32("xid"), SubXID: c.uint32("sub-xid")}
	if c.err == nil && c.left() > 0 {
		m.LSN = c.lsn("abort LSN")
		m.Time = c.time("abort time")
	}
	return c.end()
}
