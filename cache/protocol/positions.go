package protocol

import (
	"fmt"
	"strconv"
	"time"
)

// LSN is a position in a source's WAL. A tombstone has the end of the newest commit's record: a server that has replayed up to it
// shows the commit.
type LSN uint64

// XID is a transaction id with its epoch, as pg_current_xact_id() returns it.
type XID uint64

// Epoch orders the histories of a source: a cluster, its timeline and its slot have one, and a later history a larger one. It has
// 16 hexadecimal digits.
type Epoch string

// NewEpoch returns the epoch of a history that begins now, by the Redis server's clock.
func NewEpoch(now time.Time) Epoch { return Epoch(digits(uint64(now.UnixMilli()))) }

// Next returns an epoch that is larger than e, whatever the clock says; "" stays before every other one.
func (e Epoch) Next() Epoch {
	n, err := parseDigits[uint64](string(e))
	if err != nil || e == "" {
		return ""
	}
	return Epoch(digits(n + 1))
}

// digits returns the 16 hexadecimal digits in which positions are stored and compared.
func digits[T ~uint64](n T) string { return fmt.Sprintf("%016x", uint64(n)) }

// parseDigits is the inverse of digits; "" is 0.
func parseDigits[T ~uint64](s string) (T, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 16, 64)
	return T(n), err
}

// Section is a tombstone as a reader has to prove it.
type Section struct {
	Epoch Epoch // "": there is no tombstone
	LSN   LSN   // the end of the newest commit
	// Overflow: with it, the snapshot's xmin has to be greater. 0: none.
	Overflow XID
	// XIDs of commits that may not yet be visible to new snapshots.
	XIDs []XID
}

// parseSection reads four texts of a function's answer.
func parseSection(epoch, lsn, overflow, xids string) (s Section, err error) {
	s.Epoch = Epoch(epoch)
	if s.LSN, err = parseDigits[LSN](lsn); err != nil {
		return s, err
	}
	if s.Overflow, err = parseDigits[XID](overflow); err != nil {
		return s, err
	}
	for ; len(xids) >= 16; xids = xids[16:] {
		xid, err := parseDigits[XID](xids[:16])
		if err != nil {
			return s, err
		}
		s.XIDs = append(s.XIDs, xid)
	}
	return s, nil
}
