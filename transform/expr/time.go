package expr

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/pgtime"
)

// timeKindOf returns the flags of the values of a type.
func timeKindOf(k capture.TypeKind) flags {
	switch k {
	case capture.KindDate:
		return isDate | isLocal
	case capture.KindTimestamp:
		return isLocal
	}
	return 0
}

// appendTime appends a time as package jsonvalue does, without the quotes.
func appendTime(dst []byte, v val) []byte {
	if v.b == nil {
		return pgtime.Go(v.i).AppendFormat(dst, "2006-01-02T15:04:05.999999Z")
	}
	if v.flags&isDate != 0 {
		return append(dst, v.b...)
	}
	appender := timestamptzJSON
	if v.flags&isLocal != 0 {
		appender = timestampJSON
	}
	start := len(dst)
	dst = appender(dst, v.b)
	copy(dst[start:], dst[start+1:len(dst)-1])
	return dst[:len(dst)-2]
}

// micros returns a value as a time; false when it is none.
func (v val) micros() (int64, bool) {
	if v.kind == timeKind && v.b == nil {
		return v.i, true
	}
	if v.kind != timeKind && v.kind != textKind {
		return 0, false
	}
	return pgtime.Parse(v.b)
}
