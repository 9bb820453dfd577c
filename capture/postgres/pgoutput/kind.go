package pgoutput

import "strconv"

// Kind is the first byte of a message.
type Kind byte

// The kinds of messages. The second group needs protocol version 2 (streaming of transactions in progress), the third
// version 3 (two-phase commit).
const (
	KindBegin    Kind = 'B'
	KindCommit   Kind = 'C'
	KindOrigin   Kind = 'O'
	KindRelation Kind = 'R'
	KindType     Kind = 'Y'
	KindInsert   Kind = 'I'
	KindUpdate   Kind = 'U'
	KindDelete   Kind = 'D'
	KindTruncate Kind = 'T'
	KindMessage  Kind = 'M'

	KindStreamStart  Kind = 'S'
	KindStreamStop   Kind = 'E'
	KindStreamCommit Kind = 'c'
	KindStreamAbort  Kind = 'A'

	KindBeginPrepare     Kind = 'b'
	KindPrepare          Kind = 'P'
	KindCommitPrepared   Kind = 'K'
	KindRollbackPrepared Kind = 'r'
	KindStreamPrepare    Kind = 'p'
)

var kindNames = map[Kind]string{
	KindBegin:    "Begin",
	KindCommit:   "Commit",
	KindOrigin:   "Origin",
	KindRelation: "Relation",
	KindType:     "Type",
	KindInsert:   "Insert",
	KindUpdate:   "Update",
	KindDelete:   "Delete",
	KindTruncate: "Truncate",
	KindMessage:  "Message",

	KindStreamStart:  "StreamStart",
	KindStreamStop:   "StreamStop",
	KindStreamCommit: "StreamCommit",
	KindStreamAbort:  "StreamAbort",

	KindBeginPrepare:     "BeginPrepare",
	KindPrepare:          "Prepare",
	KindCommitPrepared:   "CommitPrepared",
	KindRollbackPrepared: "RollbackPrepared",
	KindStreamPrepare:    "StreamPrepare",
}

// String returns the message's name in Postgres' documentation, without its spaces.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return "Kind(" + strconv.QuoteRune(rune(k)) + ")"
}

// Streamed reports whether a message of this kind carries a transaction id in front of its body between a StreamStart and a
// StreamStop.
func (k Kind) Streamed() bool {
	switch k {
	case KindRelation, KindType, KindInsert, KindUpdate, KindDelete, KindTruncate, KindMessage:
		return true
	}
	return false
}
