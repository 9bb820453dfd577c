package trace

import "bytes"

// The names of the headers, and of the keys of an annotation.
const (
	Parent = "traceparent"
	State  = "tracestate"
)

const (
	parentSize   = 55 // of version 00: 00-<32 hex digits>-<16 hex digits>-<2 hex digits>
	idAt, spanAt = 3, 36
	flagsAt      = 53
)

// Valid reports whether a traceparent is valid: of version 00, or of a later version, which may only append to that format. Version ff
// and ids that are all zeros are invalid.
func Valid(parent []byte) bool {
	if len(parent) < parentSize || parent[2] != '-' || parent[spanAt-1] != '-' || parent[flagsAt-1] != '-' {
		return false
	}
	version, id, span, flags := parent[:2], parent[idAt:spanAt-1], parent[spanAt:flagsAt-1], parent[flagsAt:parentSize]
	if !isHex(version) || string(version) == "ff" || !isHex(id) || isZero(id) || !isHex(span) || isZero(span) || !isHex(flags) {
		return false
	}
	if string(version) == "00" {
		return len(parent) == parentSize
	}
	return len(parent) == parentSize || parent[parentSize] == '-' && printable(parent[parentSize:])
}

// isHex reports whether s has only the lower-case digits that the format allows.
func isHex(s []byte) bool { return len(bytes.Trim(s, "0123456789abcdef")) == 0 }

func isZero(s []byte) bool { return len(bytes.Trim(s, "0")) == 0 }

// printable reports whether s has only what the value of a header may have.
func printable(s []byte) bool {
	return !bytes.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// The limits of a tracestate.
const (
	maxMembers = 32
	maxKey     = 256
	maxValue   = 256
)

// ValidState reports whether a tracestate is a list of keys and values that fits into a header. It does not search for duplicate
// keys, and accepts every valid list.
func ValidState(state []byte) bool {
	members := 0
	for member := range bytes.SplitSeq(state, []byte{','}) {
		member = bytes.Trim(member, " \t")
		if len(member) == 0 { // the list may have empty members
			continue
		}
		members++
		key, value, pair := bytes.Cut(member, []byte{'='})
		if !pair || members > maxMembers || !validKey(key) || !validValue(value) {
			return false
		}
	}
	return members > 0
}

func validKey(key []byte) bool {
	if len(key) == 0 || len(key) > maxKey || key[0] == '@' {
		return false
	}
	rest := bytes.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_-*/@")
	return len(rest) == 0 && bytes.Count(key, []byte{'@'}) <= 1
}

func validValue(value []byte) bool {
	return len(value) > 0 && len(value) <= maxValue && printable(value) && !bytes.ContainsRune(value, '=')
}
