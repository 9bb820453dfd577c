package sinktest

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// Table is the shape of every row that the contract writes: the key, its version, and padding.
var Table = &capture.Table{
	OID: 4711, Schema: "public", Name: "ledger", Key: []int{0},
	Columns: []capture.Column{
		{Name: "id", Type: &capture.Type{Schema: "pg_catalog", Name: "int8", Kind: capture.KindInt}, Modifier: -1, Key: true, Identity: true},
		{Name: "ver", Type: &capture.Type{Schema: "pg_catalog", Name: "int8", Kind: capture.KindInt}, Modifier: -1},
		{Name: "pad", Type: &capture.Type{Schema: "pg_catalog", Name: "text", Kind: capture.KindText}, Modifier: -1},
	},
}

// Origin is the cluster that the contract's positions belong to.
var Origin = capture.Origin{
	System: 7391234567890123456, Timeline: 2, History: []capture.Timeline{{ID: 1, End: 0x100}}, Publication: "digest",
	Database: capture.Database{OID: 16384, Name: "shop \"x\""}, Slot: "tailrace_shop",
}

// script generates transactions that each increment the versions of their rows, in the form in which a lane passes them to a
// Writer.
type script struct {
	lsn      capture.LSN
	versions map[int]int
	commit   capture.Commit // of the last transaction
}

func newScript() *script { return &script{lsn: 0x1000, versions: map[int]int{}} }

// transaction generates a transaction of n changes of consecutive keys modulo keys, starting with key.
func (s *script) transaction(key, n, keys, pad int) sink.Batch {
	s.lsn += 0x100
	tx := &capture.Tx{LSN: s.lsn, XID: uint32(s.lsn), Wraps: 3, Time: time.UnixMicro(1_700_000_000_123_456).UTC(), Epoch: 1}
	s.commit = tx.Commit(s.lsn + 0x80)
	b := sink.Batch{Commit: true, End: capture.Position{LSN: s.lsn + 0x80}, Last: s.commit}
	for i := range n {
		k := (key + i) % keys
		s.versions[k]++
		b.Events = append(b.Events, transform.Event{Change: s.change(tx, uint64(i), k, pad)})
	}
	return b
}

func (s *script) change(tx *capture.Tx, seq uint64, key, pad int) *capture.Change {
	op := capture.Update
	if s.versions[key] == 1 {
		op = capture.Insert
	}
	return &capture.Change{Tx: tx, Seq: seq, Op: op, Table: Table, After: []capture.Value{
		s.text(strconv.Itoa(key)), s.text(strconv.Itoa(s.versions[key])), s.text(string(bytes.Repeat([]byte("x"), pad))),
	}}
}

func (s *script) text(v string) capture.Value {
	return capture.Value{Kind: capture.Text, Bytes: []byte(v)}
}

// idle generates an empty batch: there are no events for the sink up to its end.
func (s *script) idle(state []byte) sink.Batch {
	s.lsn += 0x100
	return sink.Batch{Commit: true, End: capture.Position{LSN: s.lsn + 0x80}, State: state}
}

// scribble overwrites all memory of a batch, which a Writer must not use after Write has returned.
func scribble(b sink.Batch) {
	for i := range b.Events {
		for _, v := range b.Events[i].Change.After {
			for j := range v.Bytes {
				v.Bytes[j] = '9'
			}
		}
	}
	for i := range b.State {
		b.State[i] = '9'
	}
}

func (s *script) String() string { return fmt.Sprintf("%s, %d keys", s.lsn, len(s.versions)) }
