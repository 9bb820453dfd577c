package pgoutput

import (
	"encoding/binary"
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// Row is the body of an Insert, an Update or a Delete.
//
// The values are slices of the message: its bytes must stay unchanged for as long as the values are used. Their number is
// that in the message, which the caller compares with the columns of the relation.
type Row struct {
	Relation uint32
	OldKind  byte            // OldKey, OldRow, or 0 when there is no old row
	Old      []capture.Value // of an OldKey the columns outside the replica identity are Null, whatever they were
	New      []capture.Value // nil for a delete
}

// The values of Row.OldKind.
const (
	OldKey = 'K' // only the columns of the replica identity; an update has it only when it changed one of them
	OldRow = 'O' // the whole row: the replica identity is full
)

const newRow = 'N'

// DecodeInsert reads the body of a KindInsert.
func (m *Row) DecodeInsert(src []byte, s *Slab) error {
	kind, err := m.head(KindInsert, src)
	if err != nil {
		return err
	}
	if kind != newRow {
		return unexpected(KindInsert, 4, kind)
	}
	return m.decodeNew(KindInsert, src, 5, s)
}

// DecodeUpdate reads the body of a KindUpdate.
func (m *Row) DecodeUpdate(src []byte, s *Slab) error {
	kind, err := m.head(KindUpdate, src)
	if err != nil {
		return err
	}
	off := 5
	if kind == OldKey || kind == OldRow {
		m.OldKind = kind
		if m.Old, off, err = tuple(KindUpdate, src, off, s); err != nil {
			return err
		}
		if off == len(src) {
			return short(KindUpdate, off, "new row", 1, 0)
		}
		kind = src[off]
		off++
	}
	if kind != newRow {
		return unexpected(KindUpdate, off-1, kind)
	}
	return m.decodeNew(KindUpdate, src, off, s)
}

// DecodeDelete reads the body of a KindDelete.
func (m *Row) DecodeDelete(src []byte, s *Slab) error {
	kind, err := m.head(KindDelete, src)
	if err != nil {
		return err
	}
	if kind != OldKey && kind != OldRow {
		return unexpected(KindDelete, 4, kind)
	}
	m.OldKind = kind
	var off int
	if m.Old, off, err = tuple(KindDelete, src, 5, s); err != nil {
		return err
	}
	return over(KindDelete, src, off)
}

// head reads the common beginning of all three messages, the relation and the kind of the first tuple, and resets the row.
func (m *Row) head(k Kind, src []byte) (byte, error) {
	*m = Row{}
	if len(src) < 5 {
		return 0, short(k, 0, "relation id and row kind", 5, len(src))
	}
	m.Relation = binary.BigEndian.Uint32(src)
	return src[4], nil
}

func (m *Row) decodeNew(k Kind, src []byte, off int, s *Slab) (err error) {
	if m.New, off, err = tuple(k, src, off, s); err != nil {
		return err
	}
	return over(k, src, off)
}

func over(k Kind, src []byte, off int) error {
	if off == len(src) {
		return nil
	}
	return &Error{Kind: k, Offset: off, Reason: fmt.Sprintf("%d bytes left over", len(src)-off)}
}

func unexpected(k Kind, off int, kind byte) error {
	return &Error{Kind: k, Offset: off, Reason: fmt.Sprintf("unexpected row kind %q", kind)}
}
