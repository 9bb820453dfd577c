package pgoutput

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Prepare ends a transaction that has been prepared and may still be rolled back.
type Prepare struct {
	LSN    capture.LSN // where the prepare record starts
	EndLSN capture.LSN // where it ends
	Time   time.Time   // of the prepare, by the server's clock, in UTC
	XID    uint32
	GID    string // the name that PREPARE TRANSACTION gave it
}

// BeginPrepare opens a transaction that has been prepared.
type BeginPrepare Prepare

// StreamPrepare marks a streamed transaction as prepared.
type StreamPrepare Prepare

// CommitPrepared marks a prepared transaction as committed.
type CommitPrepared struct {
	LSN    capture.LSN // where the commit record starts
	EndLSN capture.LSN // where it ends
	Time   time.Time   // of the commit, in UTC
	XID    uint32
	GID    string
}

// RollbackPrepared marks a prepared transaction as rolled back.
type RollbackPrepared struct {
	PrepareEndLSN capture.LSN // where the prepare record ends
	EndLSN        capture.LSN // where the rollback record ends
	PrepareTime   time.Time   // in UTC
	Time          time.Time   // of the rollback, in UTC
	XID           uint32
	GID           string
}

// Decode reads the body of a KindPrepare.
func (m *Prepare) Decode(src []byte) error {
	c := read(KindPrepare, src)
	c.flags()
	*m = c.prepare()
	return c.end()
}

// Decode reads the body of a KindBeginPrepare.
func (m *BeginPrepare) Decode(src []byte) error {
	c := read(KindBeginPrepare, src)
	*m = BeginPrepare(c.prepare())
	return c.end()
}

// Decode reads the body of a KindStreamPrepare.
func (m *StreamPrepare) Decode(src []byte) error {
	c := read(KindStreamPrepare, src)
	c.flags()
	*m = StreamPrepare(c.prepare())
	return c.end()
}

// Decode reads the body of a KindCommitPrepared.
func (m *CommitPrepared) Decode(src []byte) error {
	c := read(KindCommitPrepared, src)
	c.flags()
	*m = CommitPrepared(c.prepare())
	return c.end()
}

// Decode reads the body of a KindRollbackPrepared.
func (m *RollbackPrepared) Decode(src []byte) error {
	c := read(KindRollbackPrepared, src)
	c.flags()
	*m = RollbackPrepared{
		PrepareEndLSN: c.lsn("prepare's end LSN"),
		EndLSN:        c.lsn("end LSN"),
		PrepareTime:   c.time("prepare time"),
		Time:          c.time("rollback time"),
		XID:           c.uint32("xid"),
		GID:           c.string("gid"),
	}
	return c.end()
}

func (c *cursor) prepare() Prepare {
	return Prepare{
		LSN:    c.lsn("LSN"),
		EndLSN: c.lsn("end LSN"),
		Time:   c.time("time"),
		XID:    c.uint32("xid"),
		GID:    c.string("gid"),
	}
}
