package capture

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Position is a sink's progress: the sink has every transaction whose commit record starts before LSN, and the first Seq changes,
// counted before transforms, of the transaction whose commit record starts at LSN.
//
// Events that a sink's chain makes at the end of a transaction count as further changes of it.
//
// After a commit it is {end of the commit record, 0}; after a keepalive {its WAL end, 0}. It is never the LSN of an
// XLogData header. The flush of a status update is the LSN: a server that is asked to start at the start of a commit
// record sends that transaction again, and at its end it does not.
//
// A snapshot is a virtual transaction. By definition its commit record starts one byte before the snapshot's consistent point,
// where no real record starts (records are aligned to 8 bytes). So its rows have positions of their own, which are before
// everything that the stream sends and after everything that the snapshot contains.
type Position struct {
	LSN LSN
	Seq uint64
}

// ParsePosition parses the output of String.
func ParsePosition(s string) (Position, error) {
	lsn, seq, inside := strings.Cut(s, "+")
	var p Position
	var err error
	if p.LSN, err = ParseLSN(lsn); err != nil {
		return Position{}, err
	}
	if !inside {
		return p, nil
	}
	if p.Seq, err = strconv.ParseUint(seq, 10, 64); err != nil {
		return Position{}, fmt.Errorf("%q is not a position such as 16/B374D848+3", s)
	}
	return p, nil
}

// Compare returns a negative number when p is before q, zero when they are equal, and a positive one when p is after q.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.LSN, q.LSN), cmp.Compare(p.Seq, q.Seq))
}

// Before reports whether p is before q.
func (p Position) Before(q Position) bool { return p.Compare(q) < 0 }

// Flush returns the position as an LSN for the server: the flush position of a status update. For a position inside a
// snapshot it is the snapshot's consistent point.
func (p Position) Flush() LSN {
	if p.InSnapshot() {
		return p.LSN + 1
	}
	return p.LSN
}

// InSnapshot reports whether the position is inside a snapshot, and not in a transaction that a server has committed.
func (p Position) InSnapshot() bool {
	const alignment = 8 // of a record's start; see Position
	return p.LSN%alignment == alignment-1
}

// IsZero reports whether p is the zero position, before all changes, which no sink records.
func (p Position) IsZero() bool { return p == Position{} }

// String returns "16/B374D848" between transactions and "16/B374D848+3" inside one.
func (p Position) String() string {
	b := p.LSN.Append(make([]byte, 0, 24))
	if p.Seq > 0 {
		b = strconv.AppendUint(append(b, '+'), p.Seq, 10)
	}
	return string(b)
}

// MarshalText implements encoding.TextMarshaler with String.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler with ParsePosition.
func (p *Position) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePosition(string(b))
	return err
}
