package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
)

const relationID = 16384

// newAssembler knows one table of two columns, of which the first is the identity, and no server.
func newAssembler() *Assembler {
	r := NewRelations(func(context.Context, func(*pgx.Conn) error) error { return errors.New("no server here") }, nil, "")
	r.live[relationID] = &capture.Table{OID: relationID, Schema: "public", Name: "t", Key: []int{0}, Columns: []capture.Column{
		{Name: "id", Key: true, Identity: true}, {Name: "v", Nullable: true},
	}}
	return NewAssembler(r, Options{State: []byte(`{"snapshot":"done"}`), Origin: capture.Origin{System: 7, Timeline: 1}})
}

func (a *Assembler) must(t testing.TB, messages ...[]byte) {
	t.Helper()
	for _, m := range messages {
		if err := a.Add(t.Context(), m, nil); err != nil {
			t.Fatalf("%q: %v", m[:1], err)
		}
	}
}

func beginMessage(commit capture.LSN, xid uint32) []byte {
	b := binary.BigEndian.AppendUint64([]byte{'B'}, uint64(commit))
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, 1_000_000), xid)
}

func commitMessage(commit, end capture.LSN) []byte {
	b := binary.BigEndian.AppendUint64([]byte{'C', 0}, uint64(commit))
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(end)), 1_000_000)
}

// tupleOf appends a row: "\N" is a null, "\U" an unchanged value.
func tupleOf(b []byte, values ...string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(values)))
	for _, v := range values {
		switch v {
		case `\N`:
			b = append(b, 'n')
		case `\U`:
			b = append(b, 'u')
		default:
			b = append(binary.BigEndian.AppendUint32(append(b, 't'), uint32(len(v))), v...)
		}
	}
	return b
}

func rowMessage(kind byte) []byte { return binary.BigEndian.AppendUint32([]byte{kind}, relationID) }

func insertMessage(values ...string) []byte { return tupleOf(append(rowMessage('I'), 'N'), values...) }

func updateMessage(kind byte, old []string, values ...string) []byte {
	b := rowMessage('U')
	if kind != 0 {
		b = tupleOf(append(b, kind), old...)
	}
	return tupleOf(append(b, 'N'), values...)
}

func deleteMessage(kind byte, old ...string) []byte {
	return tupleOf(append(rowMessage('D'), kind), old...)
}

func printed(values []capture.Value) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%d:%s ", v.Kind, v)
	}
	return b.String()
}

func TestAssemblerRows(t *testing.T) {
	for _, c := range []struct {
		name          string
		msg           []byte
		op            capture.Op
		before, after string
	}{
		{"insert", insertMessage("1", `\N`), capture.Insert, "", "1:1 0: "},
		{"update", updateMessage(0, nil, "1", `\U`), capture.Update, "", "1:1 2: "},
		{"update of the key", updateMessage('K', []string{"0", `\N`}, "1", `\U`), capture.Update, "1:0 3: ", "1:1 2: "},
		{"full update", updateMessage('O', []string{"0", "toast"}, "1", `\U`), capture.Update, "1:0 1:toast ", "1:1 1:toast "},
		{"full update to null", updateMessage('O', []string{"0", "x"}, "1", `\N`), capture.Update, "1:0 1:x ", "1:1 0: "},
		{"full update from null", updateMessage('O', []string{"0", `\N`}, "1", "x"), capture.Update, "1:0 0: ", "1:1 1:x "},
		{"delete", deleteMessage('K', "1", `\N`), capture.Delete, "1:1 3: ", ""},
		{"full delete", deleteMessage('O', "1", `\N`), capture.Delete, "1:1 0: ", ""},
	} {
		a := newAssembler()
		a.must(t, beginMessage(0x100, 9), c.msg, commitMessage(0x100, 0x130))
		b := a.Take()
		if len(b.Changes) != 1 {
			t.Fatalf("%s: %d changes", c.name, len(b.Changes))
		}
		got := b.Changes[0]
		if got.Op != c.op || printed(got.Before) != c.before || printed(got.After) != c.after {
			t.Errorf("%s: %s, %s -> %s", c.name, got.Op, printed(got.Before), printed(got.After))
		}
		if (got.Before == nil) != (c.before == "") || (got.After == nil) != (c.after == "") {
			t.Errorf("%s: an image is there that was not sent, or the other way round", c.name)
		}
		if got.Tx.LSN != 0x100 || got.Tx.XID != 9 || got.Seq != 0 || got.Tx.Epoch != a.options.Origin.Epoch(0x100) || got.Tx.Time.IsZero() {
			t.Errorf("%s: transaction %+v, seq %d", c.name, got.Tx, got.Seq)
		}
	}
}

// After a commit the position is the end of its record; inside a transaction its start and the changes so far.
func TestAssemblerPositions(t *testing.T) {
	a := newAssembler()
	a.must(t, beginMessage(0x100, 9), insertMessage("1", "a"), insertMessage("2", "b"))
	if a.Complete() {
		t.Error("whole inside a transaction")
	}
	if b := a.Take(); b.End != (capture.Position{LSN: 0x100, Seq: 2}) || b.Commit || len(b.Changes) != 2 {
		t.Errorf("a part ends at %s, commit %v, %d changes", b.End, b.Commit, len(b.Changes))
	}
	a.must(t, insertMessage("3", "c"), commitMessage(0x100, 0x130))
	if !a.Complete() {
		t.Error("not whole after a commit")
	}
	b := a.Take()
	if b.End != (capture.Position{LSN: 0x130}) || !b.Commit || b.Changes[0].Seq != 2 || b.Time != b.Changes[0].Tx.Time {
		t.Errorf("the rest ends at %s, commit %v, seq %d, time %s", b.End, b.Commit, b.Changes[0].Seq, b.Time)
	}
	if a.Complete() {
		t.Error("whole with nothing in it")
	}
	a.must(t, beginMessage(0x200, 10), insertMessage("4", "d"), commitMessage(0x200, 0x230),
		beginMessage(0x300, 11), insertMessage("5", "e"))
	b = a.Take() // one whole transaction and a part of the next
	if b.End != (capture.Position{LSN: 0x300, Seq: 1}) || b.Commit || len(b.Changes) != 2 || b.Changes[1].Seq != 0 {
		t.Errorf("ends at %s, commit %v, %d changes", b.End, b.Commit, len(b.Changes))
	}
	if string(b.State) != string([]byte(`{"snapshot":"done"}`)) {
		t.Errorf("state %s", b.State)
	}
	a.must(t, commitMessage(0x300, 0x330))
	if b := a.Take(); b.End != (capture.Position{LSN: 0x330}) || !b.Commit || len(b.Changes) != 0 {
		t.Errorf("a commit alone ends at %s with %d changes", b.End, len(b.Changes))
	}
}

// With SkipReplicated a replicated transaction is skipped, except for its end and its relation messages.
func TestAssemblerLeavesOut(t *testing.T) {
	origin := append(binary.BigEndian.AppendUint64([]byte{'O'}, 0x50), "tailrace_there\x00"...)
	truncate := binary.BigEndian.AppendUint32([]byte{'T', 0, 0, 0, 1, 0}, relationID)
	for local, changes := range map[bool]int{false: 5, true: 2} {
		a := newAssembler()
		a.options.SkipReplicated = local
		a.must(t, beginMessage(0x100, 9), insertMessage("1", "a"), commitMessage(0x100, 0x130),
			beginMessage(0x200, 10), origin, insertMessage("2", "b"), truncate, deleteMessage('K', "2", "b"), commitMessage(0x200, 0x230))
		if b := a.Take(); b.End != (capture.Position{LSN: 0x230}) || !b.Commit || len(b.Changes) != changes-1 {
			t.Errorf("%v: ends at %s, commit %v, %d changes", local, b.End, b.Commit, len(b.Changes))
		}
		a.must(t, beginMessage(0x300, 11), insertMessage("3", "c"), commitMessage(0x300, 0x330))
		if b := a.Take(); len(b.Changes) != 1 {
			t.Errorf("%v: %d changes of the next transaction", local, len(b.Changes))
		}
	}
}

func TestAssemblerRefuses(t *testing.T) {
	begin := beginMessage(0x100, 9)
	for _, c := range []struct {
		words    string
		messages [][]byte
	}{
		{"empty message", [][]byte{{}}},
		{"not asked for", [][]byte{{'S', 0, 0, 0, 1, 1}}},
		{"not asked for", [][]byte{{0xff}}},
		{"outside of a transaction", [][]byte{insertMessage("1", "a")}},
		{"outside of a transaction", [][]byte{append([]byte{'R'}, "\x00\x00\x40\x00s\x00t\x00d\x00\x00"...)}},
		{"begins inside", [][]byte{begin, beginMessage(0x200, 10)}},
		{"ends no transaction", [][]byte{commitMessage(0x100, 0x130)}},
		{"ends no transaction", [][]byte{begin, commitMessage(0x200, 0x230)}},
		{"for 2 columns", [][]byte{begin, insertMessage("1")}},
		{"for 2 columns", [][]byte{begin, insertMessage("1", "2", "3")}},
		{"for 2 columns", [][]byte{begin, insertMessage()}},
		{"for 2 columns", [][]byte{begin, updateMessage('O', []string{"1"}, "1", "2")}},
		{"for 2 columns", [][]byte{begin, deleteMessage('K', "1", "2", "3")}},
		{"was not described", [][]byte{begin, {'I', 0, 0, 0, 1, 'N', 0, 0}}},
		{"was not described", [][]byte{begin, {'T', 0, 0, 0, 1, 0, 0, 0, 0, 1}}},
		{"no server", [][]byte{begin, append([]byte{'R'}, "\x00\x00\x40\x01s\x00t\x00d\x00\x00"...)}},
	} {
		a := newAssembler()
		var err error
		for _, m := range c.messages {
			err = a.Add(t.Context(), m, nil)
		}
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%q: %v, want %q", c.messages, err, c.words)
		}
	}
}

// A large transaction is delivered in parts of about BatchSize, and together the parts are the transaction.
func TestAssemblerCuts(t *testing.T) {
	a := newAssembler()
	a.must(t, beginMessage(0x100, 9))
	value := strings.Repeat("x", 1000)
	var seq uint64
	parts := 0
	for i := range 2000 {
		a.must(t, insertMessage(fmt.Sprint(i), value))
		if !a.Full() {
			continue
		}
		b := a.Take()
		parts++
		if b.Bytes < BatchSize || b.Bytes > BatchSize+2000 || b.Commit || b.End != (capture.Position{LSN: 0x100, Seq: seq + uint64(len(b.Changes))}) {
			t.Fatalf("part %d: %d bytes, commit %v, end %s", parts, b.Bytes, b.Commit, b.End)
		}
		for i := range b.Changes {
			if c := &b.Changes[i]; c.Seq != seq || c.After[0].String() != fmt.Sprint(seq) {
				t.Fatalf("change %d is row %s with seq %d", seq, c.After[0], c.Seq)
			}
			seq++
		}
	}
	if parts < 7 {
		t.Errorf("2 MB in %d parts", parts)
	}
}

// Any sequence of messages results at worst in an error.
func FuzzAssembler(f *testing.F) {
	var whole []byte
	for _, m := range [][]byte{
		beginMessage(0x100, 9), insertMessage("1", `\N`), updateMessage('O', []string{"0", "x"}, "1", `\U`), deleteMessage('K', "1", `\N`),
		{'T', 0, 0, 0, 1, 0, 0, 0, 0x40, 0},
		{'M', 0, 0, 0, 0, 0, 0, 0, 0, 0, 'p', 0, 0, 0, 0, 0},
		{'O', 0, 0, 0, 0, 0, 0, 0, 0, 'o', 0},
		append([]byte{'Y'}, "\x00\x00\x50\x00s\x00mood\x00"...), append([]byte{'R'}, "\x00\x00\x40\x00s\x00t\x00f\x00\x00"...),
		commitMessage(0x100, 0x130),
	} {
		framed := append(binary.BigEndian.AppendUint32([]byte{'x'}, uint32(len(m)+4)), m...)
		f.Add(framed)
		whole = append(whole, framed...)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, wire []byte) {
		a := newAssembler()
		for fs := conn.NewFrames(bytes.NewReader(wire)); ; {
			m, err := fs.Next()
			if err != nil {
				return
			}
			if a.Add(t.Context(), m.Body, m.Own) != nil {
				return
			}
			if a.Full() || a.Complete() {
				for b := a.Take(); len(b.Changes) > 0; b.Changes = b.Changes[1:] {
					c := &b.Changes[0]
					if c.Tx == nil || c.Table == nil || c.After != nil && len(c.After) != len(c.Table.Columns) {
						t.Fatalf("change %+v", c)
					}
				}
			}
		}
	})
}
