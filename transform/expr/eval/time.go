package eval

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/pgtime"
)

// TimeKindOf returns the flags of the values of a type.
func TimeKindOf(k capture.TypeKind) Flags {
	switch k {
	case capture.KindDate:
		return IsDate | isLocal
	case capture.KindTimestamp:
		return isLocal
	}
	return 0
}

// appendTime appends a time as package jsonvalue does, without the quotes.
func appendTime(dst []byte, v Value) []byte {
	if v.Bytes == nil {
		return pgtime.Go(v.Int).AppendFormat(dst, "2006-01-02T15:04:05.999999Z")
	}
	if v.Flags&IsDate != 0 {
		return append(dst, v.Bytes...)
	}
	appender := timestamptzJSON
	if v.Flags&isLocal != 0 {
		appender = timestampJSON
	}
	start := len(dst)
	dst = appender(dst, v.Bytes)
	copy(dst[start:], dst[start+1:len(dst)-1])
	return dst[:len(dst)-2]
}

// Micros returns a value as a time; false when it is none.
func (v Value) Micros() (int64, bool) {
	if v.Kind == TimeKind && v.Bytes == nil {
		return v.Int, true
	}
	if v.Kind != TimeKind && v.Kind != TextKind {
		return 0, false
	}
	return pgtime.Parse(v.Bytes)
}

// TxTime returns the time of the transaction as JSON: RFC 3339 in UTC with microseconds, as in every format. It is nil for a change
// without a transaction. The text is the same for all changes of a transaction, and valid until the next row.
func (f *Frame) TxTime() []byte {
	tx := f.In.Change.Tx
	if tx == nil {
		return nil
	}
	if tx != f.tx {
		f.tx = tx
		f.txTime = tx.Time.UTC().AppendFormat(append(f.txTime[:0], '"'), `2006-01-02T15:04:05.000000Z"`)
	}
	return f.txTime
}
