package decode

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// even passes rows whose first column is an even digit.
type even struct{}

func (even) Apply(c *capture.Change) (bool, error) {
	text := c.Row()[0].Bytes
	return (text[len(text)-1]-'0')%2 == 0, nil
}

func (even) Reads() []string { return []string{"id"} }

// reduced delivers some columns of the assembler's table.
func (a *Assembler) reduced(filter RowFilter, keep ...int) *Reduction {
	full := a.relations.live[relationID]
	red := &Reduction{full: full, table: narrowed(full, keep), keep: keep, filter: filter}
	red.reads = readBy(red)
	a.relations.reduced[relationID], a.relations.live[relationID] = red, red.table
	return red
}

// A dropped row counts in the transaction, also where a message is put before rows with the same position.
func TestDroppedRowsCount(t *testing.T) {
	a, _ := newMessageAssembler()
	a.reduced(even{}, 0)
	add := func(at capture.LSN, m []byte) {
		t.Helper()
		if a.Next(pgoutput.Kind(m[0]), at) {
			t.Fatal("the batch is cut")
		}
		a.must(t, m)
	}
	a.must(t, beginMessage(0x100, 9))
	add(0x80, insertMessage("2", "a"))
	for _, id := range []string{"1", "4", "3", "6"} {
		add(0x90, insertMessage(id, "a"))
	}
	add(0x90, logicalMessage(true, "shop.x", "before"))
	add(0xa0, insertMessage("5", "a"))
	a.must(t, commitMessage(0x100, 0x130))
	if got, want := annotated(a.Take()), "0 insert 2\n1 message before\n3 insert 4\n5 insert 6"; got != want {
		t.Errorf("changes\n%s\nwant\n%s", got, want)
	}
	a.must(t, beginMessage(0x200, 10), insertMessage("1", "a"), commitMessage(0x200, 0x230))
	if b := a.Take(); len(b.Changes) != 0 || !b.Commit || b.End != (capture.Position{LSN: 0x230}) || b.Bytes != 0 {
		t.Errorf("a transaction whose rows are all dropped: %+v", b)
	}
}

// What is dropped is neither counted nor kept, however large it is.
func TestDroppedColumnsAreNotKept(t *testing.T) {
	secret := strings.Repeat("s", 100_000)
	a := newAssembler()
	a.reduced(nil, 0)
	fs := conn.NewFrames(&again{wire: frame(beginMessage(0x100, 9), insertMessage("1", secret), updateMessage('O', []string{"1", secret}, "2", `\U`),
		deleteMessage('O', "2", secret), commitMessage(0x100, 0x130))})
	for !a.Complete() {
		m, err := fs.Next()
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add(t.Context(), m.Body[1+walHead:], m.Own); err != nil {
			t.Fatal(err)
		}
	}
	b := a.Take()
	if b.Bytes > 1000 || b.Memory != nil {
		t.Errorf("the batch counts %d bytes, and has memory %v", b.Bytes, b.Memory)
	}
	for _, c := range b.Changes {
		for _, row := range [][]capture.Value{c.Before, c.After} {
			for _, v := range row {
				if whole := v.Bytes[:cap(v.Bytes)]; bytes.Contains(whole, []byte("s")) {
					t.Errorf("%s keeps a dropped value", c.Op)
				}
			}
		}
	}
	if got := fmt.Sprint(printed(b.Changes[0].After), printed(b.Changes[1].Before), printed(b.Changes[1].After), printed(b.Changes[2].Before)); got != "1:1 1:1 1:2 1:2 " {
		t.Errorf("rows %s", got)
	}
}

func frame(messages ...[]byte) (wire []byte) {
	for _, m := range messages {
		n := 4 + 1 + walHead + len(m)
		wire = append(wire, 'd', byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		wire = append(append(append(wire, 'w'), make([]byte, walHead)...), m...)
	}
	return wire
}

func TestCopyReduced(t *testing.T) {
	a := newAssembler()
	red := a.reduced(even{}, 1)
	if got := strings.Join(red.CopyColumns(), ","); got != "id,v" {
		t.Fatalf("the copy reads %s", got)
	}
	out := NewAssembler(nil, Options{})
	out.BeginCopy(&capture.Tx{LSN: 0x99})
	for _, line := range []string{"1\ta\n", "2\tb\\tc\n", "4\t\\N\n"} {
		if err := out.CopyReduced(red, []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	out.EndCopy(0x100)
	var rows []string
	for _, c := range out.Take().Changes {
		rows = append(rows, fmt.Sprintf("%d %s %s %d %q", c.Seq, c.Op, c.Table.Columns[0].Name, c.After[0].Kind, c.After[0].Bytes))
	}
	if got := strings.Join(rows, "; "); got != `1 read v 1 "b\tc"; 2 read v 0 ""` {
		t.Errorf("rows %s", got)
	}
	if err := out.CopyReduced(red, []byte("1\n")); err == nil {
		t.Error("a line with a column too few is read")
	}
}

func TestReducedAllocs(t *testing.T) {
	fs, a := conn.NewFrames(&again{wire: wireOf(1, 1000)}), orders()
	a.reduced(nil, 0, 2)
	const each = 20_000
	rows := func() { decode(t, fs, a, each) }
	if n := min(testing.AllocsPerRun(3, rows), testing.AllocsPerRun(3, rows)) / each; n > 0.015 {
		t.Errorf("%.4f allocations a row", n)
	}
}

// BenchmarkDecodeReduced is BenchmarkDecode for a table of which two of six columns are delivered.
func BenchmarkDecodeReduced(b *testing.B) {
	const each = 100_000
	fs, a := conn.NewFrames(&again{wire: wireOf(1, 1000)}), orders()
	a.reduced(nil, 0, 2)
	b.ReportAllocs()
	for b.Loop() {
		decode(b, fs, a, each)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/each, "ns/row")
}

func TestNewness(t *testing.T) {
	message := &pgoutput.Relation{ID: relationID, Columns: []pgoutput.Column{{Name: "id"}, {Name: "v"}}}
	base := Baseline{Columns: 3, Names: []uint32{hashName("id"), hashName("v")}}
	for name, c := range map[string]struct {
		column capture.Column
		isNew  bool
	}{
		"a number of the record, another name": {capture.Column{Name: "w", Number: 3}, false},
		"a later number, the same name":        {capture.Column{Name: "v", Number: 4}, true},
		"one of several, all of the record":    {capture.Column{Name: "w", Unsure: true, Latest: 3}, false},
		"one of several, some later":           {capture.Column{Name: "w", Unsure: true, Latest: 4}, true},
		"one of several, a name of the record": {capture.Column{Name: "v", Unsure: true, Latest: 4}, false},
		"no number, a name of the record":      {capture.Column{Name: "v"}, false},
		"no number, another name":              {capture.Column{Name: "w"}, true},
	} {
		r := newAssembler().relations
		r.Reduce(nil, map[uint32]Baseline{relationID: base})
		if isNew := r.isNew(&c.column, message, description{}); isNew != c.isNew {
			t.Errorf("%s: new %v", name, isNew)
		}
	}
}
