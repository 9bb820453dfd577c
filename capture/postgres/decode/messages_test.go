package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/internal/bufpool"
)

const annotationPrefix = "tailrace.tx"

// logicalMessage is a message that pg_logical_emit_message wrote.
func logicalMessage(transactional bool, prefix, content string) []byte {
	b := []byte{'M', 0}
	if transactional {
		b[1] = 1
	}
	b = append(append(binary.BigEndian.AppendUint64(b, 0x90), prefix...), 0)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(content))), content...)
}

func annotation(content string) []byte { return logicalMessage(true, annotationPrefix, content) }

// newMessageAssembler returns an assembler with messages, and the reasons for which annotations are ignored.
func newMessageAssembler() (*Assembler, *[]string) {
	a, ignored := newAssembler(), new([]string)
	a.options.Messages = NewMessages(annotationPrefix, func(tx *capture.Tx, why string) {
		*ignored = append(*ignored, fmt.Sprintf("%s: %s", tx.LSN, why))
	})
	return a, ignored
}

// annotated prints the changes of a batch with their numbers and annotations.
func annotated(b capture.Batch) string {
	var all []string
	for i := range b.Changes {
		c := &b.Changes[i]
		all = append(all, strings.TrimRight(fmt.Sprintf("%d %s %s %s", c.Seq, c.Op, c.After[0], c.Tx.Annotations), " "))
	}
	return strings.Join(all, "\n")
}

func TestAssemblerMessages(t *testing.T) {
	a, _ := newMessageAssembler()
	a.must(t, logicalMessage(false, "ping", "between"), beginMessage(0x100, 9), logicalMessage(true, "shop.x", "one"), insertMessage("1", "a"),
		logicalMessage(false, "ping", "inside"), logicalMessage(true, "shop.y", ""), insertMessage("2", "b"), commitMessage(0x100, 0x130))
	b := a.Take()
	want := "0 message one\n1 insert 1\n2 message\n3 insert 2"
	if got := annotated(b); got != want || !b.Commit || b.End != (capture.Position{LSN: 0x130}) || b.Last.LSN != 0x130 {
		t.Errorf("batch to %s, commit %v, last %v:\n%s\nwant\n%s", b.End, b.Commit, b.Last, got, want)
	}
	c := b.Changes[0]
	if c.Table.Schema != "" || c.Table.Name != "shop.x" || len(c.Table.Columns) != 1 || c.Table.Columns[0].Name != "content" || c.Before != nil ||
		c.Table.Columns[0].Type.Kind != capture.KindText || len(c.Table.Key) > 0 || b.Changes[2].After[0].Kind != capture.Text {
		t.Errorf("a message is %+v of %+v", c, c.Table)
	}
	a.must(t, beginMessage(0x200, 10), logicalMessage(true, "shop.x", "two"), commitMessage(0x200, 0x230))
	next := a.Take()
	if got := annotated(next); got != "0 message two" || next.Changes[0].Table != c.Table || next.Last.LSN != 0x230 || !next.Commit {
		t.Errorf("a transaction of one message: %s, table %p and %p", got, next.Changes[0].Table, c.Table)
	}
	err := a.Add(t.Context(), logicalMessage(true, "x", "y"), nil)
	if err == nil || !strings.Contains(err.Error(), "outside of a transaction") {
		t.Errorf("a transactional message between transactions: %v", err)
	}
}

// The memory of a message is that of a row: shared when it is small, a buffer of its own that the batch releases when it is large.
func TestAssemblerCutsMessages(t *testing.T) {
	a, _ := newMessageAssembler()
	a.must(t, beginMessage(0x100, 9))
	content := strings.Repeat("x", 1000)
	n := 0
	for !a.Full() {
		a.must(t, logicalMessage(true, "shop.x", content))
		n++
	}
	if b := a.Take(); b.Bytes < BatchSize || b.Bytes > BatchSize+2000 || b.Commit || b.End.Seq != uint64(n) || n < 200 || n > 262 {
		t.Errorf("%d messages of 1000 bytes: a batch of %d bytes, to %s", n, b.Bytes, b.End)
	}
	msg := logicalMessage(true, "shop.x", strings.Repeat("y", 100_000))
	own := bufpool.Get(len(msg))
	own.Bytes = append(own.Bytes, msg...)
	if err := a.Add(t.Context(), own.Bytes, own); err != nil {
		t.Fatal(err)
	}
	a.must(t, commitMessage(0x100, 0x130))
	b := a.Take()
	if got := b.Changes[0].After[0].Bytes; len(got) != 100_000 || len(bytes.Trim(got, "y")) > 0 || b.Bytes < 100_000 {
		t.Errorf("a large message has %d bytes in a batch of %d", len(got), b.Bytes)
	}
	if b.Memory == nil {
		t.Fatal("the buffer of a large message has no owner")
	}
	b.Release()
	skipped := logicalMessage(false, "ping", strings.Repeat("z", 100_000))
	own = bufpool.Get(len(skipped))
	own.Bytes = append(own.Bytes, skipped...)
	if err := a.Add(t.Context(), own.Bytes, own); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("the buffer of a message that is skipped was not released")
		}
	}()
	own.Release() // panics when it is released twice
}

func TestAnnotations(t *testing.T) {
	for _, c := range []struct {
		name     string
		messages [][]byte
		want     string
		ignored  string
	}{
		{
			"before and after",
			[][]byte{insertMessage("1", "a"), annotation(`{"user": "eve"}`), insertMessage("2", "b")},
			"0 insert 1\n1 message {\"user\": \"eve\"} {\"user\":\"eve\"}\n2 insert 2 {\"user\":\"eve\"}", "",
		},
		{
			"merged by key",
			[][]byte{annotation(`{"user":"eve","n":1.50,"why":{"a":[1,2]}}`), annotation(` {"n":2,"trace":"t"}`), insertMessage("1", "a")},
			`0 message {"user":"eve","n":1.50,"why":{"a":[1,2]}} {"user":"eve","n":1.50,"why":{"a":[1,2]}}` + "\n" +
				`1 message  {"n":2,"trace":"t"} {"user":"eve","n":2,"why":{"a":[1,2]},"trace":"t"}` + "\n" +
				`2 insert 1 {"user":"eve","n":2,"why":{"a":[1,2]},"trace":"t"}`, "",
		},
		{
			"not an object",
			[][]byte{annotation(`{"user":"eve"}`), annotation(`["user"]`), insertMessage("1", "a")},
			`0 message {"user":"eve"} {"user":"eve"}` + "\n" + `1 message ["user"] {"user":"eve"}` + "\n" + `2 insert 1 {"user":"eve"}`,
			"0/100: it is not a JSON object",
		},
		{"at the end", [][]byte{insertMessage("1", "a"), annotation(`{"a":1}`)}, `0 insert 1` + "\n" + `1 message {"a":1} {"a":1}`, ""},
		{"not JSON", [][]byte{annotation(`{"user":`), insertMessage("1", "a")}, "0 message {\"user\":\n1 insert 1", "0/100: it is not JSON"},
		{
			"another prefix",
			[][]byte{logicalMessage(true, "tailrace.txs", `{"a":1}`), insertMessage("1", "a")},
			"0 message {\"a\":1}\n1 insert 1", "",
		},
		{"not of the transaction", [][]byte{logicalMessage(false, annotationPrefix, `{"a":1}`), insertMessage("1", "a")}, "0 insert 1", ""},
	} {
		a, ignored := newMessageAssembler()
		a.must(t, beginMessage(0x100, 9))
		a.must(t, c.messages...)
		a.must(t, commitMessage(0x100, 0x130), beginMessage(0x200, 10), insertMessage("9", "z"), commitMessage(0x200, 0x230))
		b := a.Take()
		if got := annotated(b); got != c.want+"\n0 insert 9" {
			t.Errorf("%s:\n%s\nwant\n%s\nand an insert without annotations", c.name, got, c.want)
		}
		if got := strings.Join(*ignored, ", "); got != c.ignored {
			t.Errorf("%s: ignored: %q, want %q", c.name, got, c.ignored)
		}
		first, last := b.Changes[0].Tx, b.Changes[len(b.Changes)-2].Tx
		if !first.Same(last) || first.LSN != last.LSN || first.XID != last.XID || first.Time != last.Time || last.Same(b.Changes[len(b.Changes)-1].Tx) {
			t.Errorf("%s: transactions %+v and %+v", c.name, first, last)
		}
	}
}

// A stream that starts again in the middle of a transaction gets it from its beginning, with the annotations. The numbers and the
// annotations of the changes are the same, also when batches are cut elsewhere.
func TestAnnotationsOverARestart(t *testing.T) {
	messages := [][]byte{
		insertMessage("1", "a"), annotation(`{"user":"eve"}`), insertMessage("2", "b"), insertMessage("3", "c"),
		logicalMessage(true, "shop.x", "m"), annotation(`{"step":2}`), insertMessage("4", "d"),
	}
	var whole []string
	for cut := range len(messages) + 1 {
		a, _ := newMessageAssembler()
		a.must(t, beginMessage(0x100, 9))
		var got []string
		for i, m := range messages {
			if i == cut && i > 0 {
				got = append(got, annotated(a.Take()))
			}
			a.must(t, m)
		}
		a.must(t, commitMessage(0x100, 0x130))
		got = append(got, annotated(a.Take()))
		all := strings.Split(strings.Join(got, "\n"), "\n")
		if whole == nil {
			whole = all
		}
		if len(all) != len(messages) || !slices.Equal(all, whole) {
			t.Errorf("cut before message %d:\n%q\nwant\n%q", cut, all, whole)
		}
	}
}

// A replicated transaction that is skipped annotates nothing, and its messages are no changes.
func TestMessagesOfASkippedTransaction(t *testing.T) {
	a, ignored := newMessageAssembler()
	a.options.SkipReplicated = true
	origin := append(binary.BigEndian.AppendUint64([]byte{'O'}, 0x50), "other\x00"...)
	a.must(t, beginMessage(0x100, 9), origin, annotation(`{"user":"eve"}`), logicalMessage(true, "shop.x", "m"), commitMessage(0x100, 0x130),
		beginMessage(0x200, 10), insertMessage("1", "a"), commitMessage(0x200, 0x230))
	if got := annotated(a.Take()); got != "0 insert 1" || len(*ignored) > 0 {
		t.Errorf("%s, ignored %q", got, *ignored)
	}
}

func TestPrefixesAreBounded(t *testing.T) {
	m := NewMessages("", nil)
	first := m.table([]byte("p0"))
	for i := range 3 * maxPrefixes {
		m.table(fmt.Append(nil, "p", i))
	}
	if len(m.tables) > maxPrefixes {
		t.Errorf("%d prefixes are kept", len(m.tables))
	}
	if again := m.table([]byte("p0")); again.Name != first.Name || m.table([]byte("p0")) != again {
		t.Errorf("the table of a prefix is %+v, then another", again)
	}
}

// Messages that no annotation is about cost what rows cost: the memory of a batch.
func TestMessageAllocs(t *testing.T) {
	a, _ := newMessageAssembler()
	msg := logicalMessage(true, "shop.x", "content")
	a.must(t, beginMessage(0x100, 9), msg)
	got := testing.AllocsPerRun(1000, func() { a.must(t, msg) })
	if got > 0.5 {
		t.Errorf("%v allocations per message", got)
	}
}

// addAt adds messages about the record at a position, and hands over full batches as a stream does.
func (a *Assembler) addAt(t *testing.T, at capture.LSN, messages ...[]byte) (cut []capture.Batch) {
	t.Helper()
	for _, m := range messages {
		if a.Next(pgoutput.Kind(m[0]), at) {
			cut = append(cut, a.Take())
		}
		a.must(t, m)
	}
	return cut
}

// messageAt is a message whose record ends at a position.
func messageAt(at capture.LSN, prefix, content string) []byte {
	m := logicalMessage(true, prefix, content)
	binary.BigEndian.PutUint64(m[2:], uint64(at))
	return m
}

// The position of a message is the end of its record, so the server may send it after the change that follows it. It belongs before it.
func TestMessagesOfSavepoints(t *testing.T) {
	user := func(at capture.LSN) []byte { return messageAt(at, annotationPrefix, `{"user":"eve"}`) }
	a, _ := newMessageAssembler()
	a.addAt(t, 0x10, beginMessage(0x100, 9), insertMessage("1", "a"))
	a.addAt(t, 0x20, insertMessage("2", "b"), insertMessage("3", "c")) // of one record
	a.addAt(t, 0x20, user(0x20))
	a.addAt(t, 0x30, insertMessage("4", "d"))
	a.addAt(t, 0x30, messageAt(0x30, "shop.x", "m"))
	a.addAt(t, 0x40, messageAt(0x40, "shop.x", "n"), insertMessage("5", "e"))
	a.addAt(t, 0x100, commitMessage(0x100, 0x130))
	want := "0 insert 1\n1 message {\"user\":\"eve\"} {\"user\":\"eve\"}\n2 insert 2 {\"user\":\"eve\"}\n3 insert 3 {\"user\":\"eve\"}\n" +
		"4 message m {\"user\":\"eve\"}\n5 insert 4 {\"user\":\"eve\"}\n6 message n {\"user\":\"eve\"}\n7 insert 5 {\"user\":\"eve\"}"
	if got := annotated(a.Take()); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	// The position of a transaction's first record is that of its begin. The one before it ended with other numbers.
	a.addAt(t, 0x200, beginMessage(0x300, 10), user(0x200), insertMessage("6", "f"))
	a.addAt(t, 0x300, commitMessage(0x300, 0x330))
	if got := annotated(a.Take()); got != "0 message {\"user\":\"eve\"} {\"user\":\"eve\"}\n1 insert 6 {\"user\":\"eve\"}" {
		t.Errorf("%s", got)
	}
}

// A batch is not cut between a change and the message that belongs before it, wherever it becomes full.
func TestABatchIsCutBeforeTheNextRecord(t *testing.T) {
	large := strings.Repeat("x", BatchSize)
	a, _ := newMessageAssembler()
	var cut []capture.Batch
	add := func(at capture.LSN, messages ...[]byte) { cut = append(cut, a.addAt(t, at, messages...)...) }
	add(0x10, beginMessage(0x100, 9), insertMessage("1", "a"))
	add(0x20, insertMessage("2", large))
	add(0x20, messageAt(0x20, annotationPrefix, `{"user":"eve"}`))
	if len(cut) > 0 {
		t.Error("the batch was cut before the message")
	}
	add(0x30, messageAt(0x30, "shop.x", "m"))
	add(0x40, insertMessage("3", large), insertMessage("4", large)) // of one record: each is a batch
	add(0x100, commitMessage(0x100, 0x130))
	cut = append(cut, a.Take())
	var got []string
	for _, b := range cut {
		got = append(got, annotated(b)+fmt.Sprintf(" to %s", b.End))
	}
	want := []string{
		"0 insert 1\n1 message {\"user\":\"eve\"} {\"user\":\"eve\"}\n2 insert 2 {\"user\":\"eve\"} to 0/100+3",
		"3 message m {\"user\":\"eve\"}\n4 insert 3 {\"user\":\"eve\"} to 0/100+5", "5 insert 4 {\"user\":\"eve\"} to 0/100+6", " to 0/130",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}
