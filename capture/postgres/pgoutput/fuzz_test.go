package pgoutput

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pglogrepl"

	"github.com/tailrace/tailrace/capture"
)

// FuzzDecode decodes arbitrary bytes: our decoder never panics, and whenever pglogrepl's decoder accepts the bytes too,
// both agree on every field. Only ours accepts rows without columns and truncates without tables. pglogrepl is not called
// for input that ours rejects: it allocates up to 4 GiB by a length that it has not checked.
func FuzzDecode(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.msg, s.streamed)
	}
	f.Fuzz(func(t *testing.T, msg []byte, streamed bool) {
		got, xid, err := decode(msg, streamed)
		if err != nil {
			var e *Error
			if errors.As(err, &e) && (e.Offset < 0 || e.Offset > len(msg)) {
				t.Fatalf("offset of %v in %d bytes", err, len(msg))
			}
			return
		}
		want, wantXID, err := oracle(msg, streamed)
		switch {
		case errors.Is(err, errUnsupported) || empty(got):
		case err != nil:
			t.Fatalf("%x is accepted by us alone: %v", msg, err)
		case xid != wantXID:
			t.Fatalf("%x: xid %d, pglogrepl %d", msg, xid, wantXID)
		case !cmp.Equal(want, got):
			t.Fatalf("%x: (-pglogrepl +ours)\n%s", msg, cmp.Diff(want, got))
		}
	})
}

// empty reports whether m is shorter than the shortest message that pglogrepl accepts.
func empty(m any) bool {
	switch m := m.(type) {
	case *Row:
		return len(m.New) == 0 || m.OldKind != 0 && len(m.Old) == 0
	case *Truncate:
		return len(m.Relations) == 0
	}
	return false
}

var errUnsupported = errors.New("pglogrepl does not know it")

// oracle decodes with pglogrepl, which may panic, and converts the result to our types.
func oracle(msg []byte, streamed bool) (m any, xid uint32, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	switch Kind(msg[0]) {
	case KindBeginPrepare, KindPrepare, KindCommitPrepared, KindRollbackPrepared, KindStreamPrepare:
		return nil, 0, errUnsupported
	}
	theirs, err := pglogrepl.ParseV2(msg, streamed)
	if err != nil {
		return nil, 0, err
	}
	m, xid = ours(theirs, msg)
	return m, xid, nil
}

func ours(theirs pglogrepl.Message, msg []byte) (m any, xid uint32) {
	switch p := theirs.(type) {
	case *pglogrepl.BeginMessage:
		return &Begin{capture.LSN(p.FinalLSN), sameTime(p.CommitTime, msg[9:]), p.Xid}, 0
	case *pglogrepl.CommitMessage:
		return &Commit{capture.LSN(p.CommitLSN), capture.LSN(p.TransactionEndLSN), sameTime(p.CommitTime, msg[18:])}, 0
	case *pglogrepl.OriginMessage:
		return &Origin{capture.LSN(p.CommitLSN), p.Name}, 0
	case *pglogrepl.RelationMessageV2:
		return ourRelation(&p.RelationMessage), p.Xid
	case *pglogrepl.TypeMessageV2:
		return &Type{p.DataType, schema(p.Namespace), p.Name}, p.Xid
	case *pglogrepl.InsertMessageV2:
		return &Row{Relation: p.RelationID, New: values(p.Tuple)}, p.Xid
	case *pglogrepl.UpdateMessageV2:
		return &Row{p.RelationID, p.OldTupleType, values(p.OldTuple), values(p.NewTuple)}, p.Xid
	case *pglogrepl.DeleteMessageV2:
		return &Row{Relation: p.RelationID, OldKind: p.OldTupleType, Old: values(p.OldTuple)}, p.Xid
	case *pglogrepl.TruncateMessageV2:
		t := &Truncate{nil, p.Option&1 != 0, p.Option&2 != 0}
		t.Relations = append(t.Relations, p.RelationIDs...)
		return t, p.Xid
	case *pglogrepl.LogicalDecodingMessageV2:
		// It says that a message is transactional when the flags are 1 alone.
		transactional := p.Transactional || msg[len(msg)-len(p.Content)-4-len(p.Prefix)-1-8-1]&1 != 0
		return &Message{transactional, capture.LSN(p.LSN), []byte(p.Prefix), p.Content}, p.Xid
	case *pglogrepl.StreamStartMessageV2:
		return &StreamStart{p.Xid, p.FirstSegment&1 != 0}, 0
	case *pglogrepl.StreamStopMessageV2:
		return &StreamStop{}, 0
	case *pglogrepl.StreamCommitMessageV2:
		return &StreamCommit{
			p.Xid, capture.LSN(p.CommitLSN), capture.LSN(p.TransactionEndLSN),
			sameTime(p.CommitTime, msg[22:]),
		}, 0
	case *pglogrepl.StreamAbortMessageV2:
		return ourAbort(p, msg[1:]), 0
	}
	panic(fmt.Sprintf("no type of ours for %T", theirs))
}

func ourRelation(p *pglogrepl.RelationMessage) *Relation {
	r := &Relation{p.RelationID, schema(p.Namespace), p.RelationName, p.ReplicaIdentity, []Column{}}
	for _, c := range p.Columns {
		r.Columns = append(r.Columns, Column{c.Name, c.DataType, c.TypeModifier, c.Flags&1 != 0})
	}
	return r
}

// ourAbort adds what pglogrepl does not read, so that the long form compares.
func ourAbort(p *pglogrepl.StreamAbortMessageV2, body []byte) *StreamAbort {
	a := &StreamAbort{XID: p.Xid, SubXID: p.SubXid}
	if len(body) == 24 {
		a.LSN = capture.LSN(binary.BigEndian.Uint64(body[8:]))
		a.Time = time.UnixMicro(int64(binary.BigEndian.Uint64(body[16:]))).Add(946_684_800 * time.Second).UTC()
	}
	return a
}

// schema: nothing stands for pg_catalog on the wire.
func schema(s string) string {
	if s == "" {
		return "pg_catalog"
	}
	return s
}

// sameTime is t, which pglogrepl read from b, where that could hold it: nanoseconds in 64 bits end in the year 2262.
func sameTime(t time.Time, b []byte) time.Time {
	us := int64(binary.BigEndian.Uint64(b))
	if us > math.MaxInt64/1000-y2k || us < math.MinInt64/1000-y2k {
		return time.UnixMicro(us).Add(946_684_800 * time.Second).UTC()
	}
	return t.UTC()
}

func values(t *pglogrepl.TupleData) []capture.Value {
	if t == nil {
		return nil
	}
	vals := []capture.Value{}
	for _, c := range t.Columns {
		v := capture.Value{}
		switch c.DataType {
		case pglogrepl.TupleDataTypeText:
			v = capture.Value{Kind: capture.Text, Bytes: c.Data}
		case pglogrepl.TupleDataTypeToast:
			v.Kind = capture.Unchanged
		}
		vals = append(vals, v)
	}
	return vals
}
