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

// String is the message's name in Postgres' documentation, without its spaces.
func (k Kind) String() string {
	switch k {
	case KindBegin:
		return "Begin"
	case KindCommit:
		return "Commit"
	case KindOrigin:
		return "Origin"
	case KindRelation:
		return "Relation"
	case KindType:
		return "Type"
	case KindInsert:
		return "Insert"
	case KindUpdate:
		return "Update"
	case KindDelete:
		return "Delete"
	case KindTruncate:
		return "Truncate"
	case KindMessage:
		return "Message"
	}
	return k.laterString()
}

func (k Kind) laterString() string {
	switch k {
	case KindStreamStart:
		return "StreamStart"
	case KindStreamStop:
		return "StreamStop"
	case KindStreamCommit:
		return "StreamCommit"
	case KindStreamAbort:
		return "StreamAbort"
	case KindBeginPrepare:
		return "BeginPrepare"
	case KindPrepare:
		return "Prepare"
	case KindCommitPrepared:
		return "CommitPrepared"
	case KindRollbackPrepared:
		return "RollbackPrepared"
	case KindStreamPrepare:
		return "StreamPrepare"
	}
	return "Kind(" + strconv.QuoteRune(rune(k)) + ")"
}

// Streamed says whether a message of this kind carries a transaction id in front of its body when it stands between a
// StreamStart and a StreamStop.
func (k Kind) Streamed() bool {
	switch k {
	case KindRelation, KindType, KindInsert, KindUpdate, KindDelete, KindTruncate, KindMessage:
		return true
	}
	return false
}
