package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/internal/bufpool"
)

const relationID = 16384

// newAssembler knows one table of two columns, of which the first is the identity, and no server.
func newAssembler() *assembler {
	r := newRelations(func(context.Context, func(*pgx.Conn) error) error { return errors.New("no server here") }, nil)
	r.live[relationID] = &capture.Table{OID: relationID, Schema: "public", Name: "t", Key: []int{0}, Columns: []capture.Column{
		{Name: "id", Key: true, Identity: true}, {Name: "v", Nullable: true},
	}}
	return &assembler{relations: r, state: stateDone, origin: capture.Origin{System: 7, Timeline: 1}}
}

func (a *assembler) must(t testing.TB, messages ...[]byte) {
	t.Helper()
	for _, m := range messages {
		if err := a.add(t.Context(), m, nil); err != nil {
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
		b := a.take()
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
		if got.Tx.LSN != 0x100 || got.Tx.XID != 9 || got.Seq != 0 || got.Tx.Epoch != a.origin.Epoch(0x100) || got.Tx.Time.IsZero() {
			t.Errorf("%s: transaction %+v, seq %d", c.name, got.Tx, got.Seq)
		}
	}
}

// After a commit the position is the end of its record; inside a transaction its start and the changes so far.
func TestAssemblerPositions(t *testing.T) {
	a := newAssembler()
	a.must(t, beginMessage(0x100, 9), insertMessage("1", "a"), insertMessage("2", "b"))
	if a.whole() {
		t.Error("whole inside a transaction")
	}
	if b := a.take(); b.End != (capture.Position{LSN: 0x100, Seq: 2}) || b.Commit || len(b.Changes) != 2 {
		t.Errorf("a part ends at %s, commit %v, %d changes", b.End, b.Commit, len(b.Changes))
	}
	a.must(t, insertMessage("3", "c"), commitMessage(0x100, 0x130))
	if !a.whole() {
		t.Error("not whole after a commit")
	}
	b := a.take()
	if b.End != (capture.Position{LSN: 0x130}) || !b.Commit || b.Changes[0].Seq != 2 || b.Time != b.Changes[0].Tx.Time {
		t.Errorf("the rest ends at %s, commit %v, seq %d, time %s", b.End, b.Commit, b.Changes[0].Seq, b.Time)
	}
	if a.whole() {
		t.Error("whole with nothing in it")
	}
	a.must(t, beginMessage(0x200, 10), insertMessage("4", "d"), commitMessage(0x200, 0x230),
		beginMessage(0x300, 11), insertMessage("5", "e"))
	b = a.take() // one whole transaction and a part of the next
	if b.End != (capture.Position{LSN: 0x300, Seq: 1}) || b.Commit || len(b.Changes) != 2 || b.Changes[1].Seq != 0 {
		t.Errorf("ends at %s, commit %v, %d changes", b.End, b.Commit, len(b.Changes))
	}
	if string(b.State) != string(stateDone) {
		t.Errorf("state %s", b.State)
	}
	a.must(t, commitMessage(0x300, 0x330))
	if b := a.take(); b.End != (capture.Position{LSN: 0x330}) || !b.Commit || len(b.Changes) != 0 {
		t.Errorf("a commit alone ends at %s with %d changes", b.End, len(b.Changes))
	}
}

// With SkipReplicated a replicated transaction is skipped, except for its end and its relation messages.
func TestAssemblerLeavesOut(t *testing.T) {
	origin := append(binary.BigEndian.AppendUint64([]byte{'O'}, 0x50), "tailrace_there\x00"...)
	truncate := binary.BigEndian.AppendUint32([]byte{'T', 0, 0, 0, 1, 0}, relationID)
	for local, changes := range map[bool]int{false: 5, true: 2} {
		a := newAssembler()
		a.local = local
		a.must(t, beginMessage(0x100, 9), insertMessage("1", "a"), commitMessage(0x100, 0x130),
			beginMessage(0x200, 10), origin, insertMessage("2", "b"), truncate, deleteMessage('K', "2", "b"), commitMessage(0x200, 0x230))
		if b := a.take(); b.End != (capture.Position{LSN: 0x230}) || !b.Commit || len(b.Changes) != changes-1 {
			t.Errorf("%v: ends at %s, commit %v, %d changes", local, b.End, b.Commit, len(b.Changes))
		}
		a.must(t, beginMessage(0x300, 11), insertMessage("3", "c"), commitMessage(0x300, 0x330))
		if b := a.take(); len(b.Changes) != 1 {
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
			err = a.add(t.Context(), m, nil)
		}
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%q: %v, want %q", c.messages, err, c.words)
		}
	}
}

// A large transaction is delivered in parts of about the cut, and together the parts are the transaction.
func TestAssemblerCuts(t *testing.T) {
	a := newAssembler()
	a.must(t, beginMessage(0x100, 9))
	value := strings.Repeat("x", 1000)
	var seq uint64
	parts := 0
	for i := range 2000 {
		a.must(t, insertMessage(fmt.Sprint(i), value))
		if !a.full() {
			continue
		}
		b := a.take()
		parts++
		if b.Bytes < cut || b.Bytes > cut+2000 || b.Commit || b.End != (capture.Position{LSN: 0x100, Seq: seq + uint64(len(b.Changes))}) {
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

// Batches share allocations, and no change of one batch affects another.
func TestAssemblerBatchesDoNotOverlap(t *testing.T) {
	a := newAssembler()
	var batches []capture.Batch
	n := 0
	for i := range 400 {
		lsn := capture.LSN(0x1000 * (i + 1))
		a.must(t, beginMessage(lsn, uint32(i)))
		for range []int{1, 2, 1, 70, 3}[i%5] {
			a.must(t, insertMessage(fmt.Sprint(n), strings.Repeat("v", n%50)))
			n++
		}
		a.must(t, commitMessage(lsn, lsn+0x30))
		if i%3 != 1 {
			batches = append(batches, a.take())
		}
	}
	batches = append(batches, a.take())
	for i := len(batches) - 1; i >= 0; i-- { // what an owner may do with its own batch
		b := batches[i]
		if cap(b.Changes) != len(b.Changes) {
			t.Fatalf("batch %d has room for %d more changes", i, cap(b.Changes)-len(b.Changes))
		}
		for j := len(b.Changes) - 1; j >= 0; j-- {
			c := b.Changes[j]
			n--
			if c.After[0].String() != fmt.Sprint(n) || c.After[1].String() != strings.Repeat("v", n%50) {
				t.Fatalf("row %d is %s", n, printed(c.After))
			}
			for k := range c.After {
				_ = append(c.After[k].Bytes, "overwritten"...)
				copy(c.After[k].Bytes, "zzzzzzzzzzzz")
			}
			_ = append(c.After, text("one more"))
			b.Changes[j] = capture.Change{}
		}
	}
	if n != 0 {
		t.Errorf("%d rows are missing", n)
	}
}

// A message in a buffer of its own is kept, not copied, until the batch is released.
func TestAssemblerKeepsOwnMemory(t *testing.T) {
	bufpool.Poison()
	a := newAssembler()
	a.must(t, beginMessage(0x100, 9))
	for _, size := range []int{100, arenaMax - 100, 20_000, 100_000, 5 << 20} {
		for _, isOwn := range []bool{true, false} {
			msg := insertMessage("1", strings.Repeat("a", size))
			var own *bufpool.Buffer
			if isOwn {
				own = bufpool.Get(len(msg))
				own.Bytes = append(own.Bytes, msg...)
				msg = own.Bytes
			}
			if err := a.add(t.Context(), msg, own); err != nil {
				t.Fatal(err)
			}
			b := a.take()
			value := b.Changes[0].After[1].Bytes
			msg[len(msg)-1] = 'Z'
			if kept := bytes.HasSuffix(value, []byte("Z")); kept != isOwn {
				t.Errorf("own %v: the bytes are kept: %v", isOwn, kept)
			}
			if b.Bytes < size {
				t.Errorf("a row of %d bytes counts %d", size, b.Bytes)
			}
			copied := b
			b.Release()
			copied.Release() // shares memory that has been released
			if poisoned := value[0] != 'a'; poisoned != (isOwn || size > arenaMax) {
				t.Errorf("own %v, %d bytes: released: %v", isOwn, size, poisoned)
			}
		}
	}
}

// A message of which nothing is kept releases its buffer.
func TestAssemblerReleasesWhatItDoesNotKeep(t *testing.T) {
	bufpool.Poison()
	for _, left := range []bool{false, true} {
		a := newAssembler()
		a.must(t, beginMessage(0x100, 9))
		msg := append([]byte{'M'}, strings.Repeat("m", 100_000)...)
		if a.left = left; left {
			msg = insertMessage("1", strings.Repeat("m", 100_000))
		}
		own := bufpool.Get(len(msg))
		own.Bytes = append(own.Bytes, msg...)
		kept := own.Bytes
		if err := a.add(t.Context(), kept, own); err != nil {
			t.Fatal(err)
		}
		if kept[len(kept)-1] == 'm' {
			t.Errorf("left out %v: the buffer was not released", left)
		}
	}
}

// No batch keeps the large rows of another one alive: they would outlive the window.
func TestAssemblerKeepsNoLargeRowAfterItsBatch(t *testing.T) {
	a := newAssembler()
	a.must(t, beginMessage(0x100, 9))
	gone := make(chan bool, 1)
	var small []capture.Batch
	for i := range 4 {
		a.must(t, insertMessage("1", "small"))
		if i == 1 {
			a.must(t, insertMessage("1", strings.Repeat("a", bufpool.Largest))) // too large for the pool
			b := a.take()
			runtime.AddCleanup(&b.Changes[1].After[1].Bytes[0], func(c chan bool) { c <- true }, gone)
			continue
		}
		small = append(small, a.take())
	}
	a.must(t, insertMessage("1", "small")) // row and arena keep the last one
	for range 100 {
		runtime.GC()
		select {
		case <-gone:
			runtime.KeepAlive(small)
			runtime.KeepAlive(a)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("the row is alive")
}

func TestAssemblerAllocations(t *testing.T) {
	insert, update := insertMessage("1", "value"), updateMessage('O', []string{"1", "old"}, "1", "new")
	begin, commit := beginMessage(0x100, 9), commitMessage(0x100, 0x130)
	for _, rows := range []int{1, 2, 10, 1000} {
		a := newAssembler()
		n := testing.AllocsPerRun(200, func() {
			a.must(t, begin)
			for i := range rows {
				if a.must(t, insert); i%2 == 1 {
					a.must(t, update)
				}
				if a.full() {
					a.take()
				}
			}
			a.must(t, commit)
			a.take()
		})
		if n/float64(rows) > 1.5 {
			t.Errorf("transactions of %d rows: %.1f allocations a row", rows, n/float64(rows))
		}
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
			if a.add(t.Context(), m.Body, m.Own) != nil {
				return
			}
			if a.full() || a.whole() {
				for b := a.take(); len(b.Changes) > 0; b.Changes = b.Changes[1:] {
					c := &b.Changes[0]
					if c.Tx == nil || c.Table == nil || c.After != nil && len(c.After) != len(c.Table.Columns) {
						t.Fatalf("change %+v", c)
					}
				}
			}
		}
	})
}
