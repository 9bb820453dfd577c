package pgoutput

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
)

// sample is a message of a real server, kind byte included.
type sample struct {
	streamed bool
	msg      []byte
}

func samples(tb testing.TB) []sample {
	tb.Helper()
	text, err := os.ReadFile("testdata/messages.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var all []sample
	for line := range strings.Lines(string(text)) {
		mark, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		if mark == "#" {
			continue
		}
		msg, err := hex.DecodeString(digits)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, sample{mark == "+", msg})
	}
	return all
}

// decode decodes any message and returns a pointer to the type of its kind.
func decode(msg []byte, streamed bool) (m any, xid uint32, err error) {
	if len(msg) == 0 {
		return nil, 0, fmt.Errorf("no kind byte")
	}
	k, body := Kind(msg[0]), msg[1:]
	if streamed && k.Streamed() {
		if xid, body, err = CutXID(k, body); err != nil {
			return nil, 0, err
		}
	}
	switch row := new(Row); k {
	case KindInsert:
		return row, xid, row.DecodeInsert(body, new(Slab))
	case KindUpdate:
		return row, xid, row.DecodeUpdate(body, new(Slab))
	case KindDelete:
		return row, xid, row.DecodeDelete(body, new(Slab))
	}
	d := newMessage(k)
	if d == nil {
		return nil, 0, fmt.Errorf("unknown kind %v", k)
	}
	return d, xid, d.Decode(body)
}

type decoder interface{ Decode([]byte) error }

func newMessage(k Kind) decoder {
	return map[Kind]decoder{
		KindBegin: new(Begin), KindCommit: new(Commit), KindOrigin: new(Origin), KindRelation: new(Relation),
		KindType: new(Type), KindTruncate: new(Truncate), KindMessage: new(Message),
		KindStreamStart: new(StreamStart), KindStreamStop: new(StreamStop), KindStreamCommit: new(StreamCommit),
		KindStreamAbort: new(StreamAbort), KindBeginPrepare: new(BeginPrepare), KindPrepare: new(Prepare),
		KindCommitPrepared: new(CommitPrepared), KindRollbackPrepared: new(RollbackPrepared),
		KindStreamPrepare: new(StreamPrepare),
	}[k]
}

// A message that is cut anywhere, or has a byte too many, is an error that names its kind.
func TestCutMessage(t *testing.T) {
	seen := map[Kind]bool{}
	for _, s := range samples(t) {
		k := Kind(s.msg[0])
		seen[k] = true
		if _, _, err := decode(s.msg, s.streamed); err != nil {
			t.Fatalf("%x: %v", s.msg, err)
		}
		for n := 1; n < len(s.msg); n++ {
			_, _, err := decode(s.msg[:n:n], s.streamed)
			if err == nil || !strings.Contains(err.Error(), "decode "+k.String()+" message: ") {
				t.Errorf("%v cut to %d of %d bytes: %v", k, n, len(s.msg), err)
			}
		}
		if _, _, err := decode(append(s.msg[:len(s.msg):len(s.msg)], 0), s.streamed); err == nil {
			t.Errorf("%v with a byte left over: no error", k)
		}
	}
	for k := range 256 {
		known := !strings.HasPrefix(Kind(k).String(), "Kind(")
		if known != seen[Kind(k)] {
			t.Errorf("the samples and the names differ on %v", Kind(k))
		}
	}
}
