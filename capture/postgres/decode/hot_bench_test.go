package decode

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
)

// orders knows one table of six columns, and no server.
func orders() *Assembler {
	a := newAssembler()
	t := &capture.Table{OID: relationID, Schema: "public", Name: "orders", Key: []int{0}}
	for _, name := range []string{"id", "customer_id", "status", "total", "note", "updated_at"} {
		t.Columns = append(t.Columns, capture.Column{Name: name, Key: name == "id", Identity: name == "id"})
	}
	a.relations.live[relationID] = t
	return a
}

// walHead is the length of an XLogData header.
const walHead = 24

// wireOf returns transactions of a number of rows of about 100 bytes, as a walsender sends them: one message per row.
func wireOf(transactions, rows int) []byte {
	return wireWith(transactions, rows, "a note of some forty characters, no. 12")
}

// largeWire is a transaction of so many rows with a value of size bytes.
func largeWire(rows, size int) []byte { return wireWith(1, rows, strings.Repeat("x", size)) }

func wireWith(transactions, rows int, note string) (wire []byte) {
	message := func(m []byte) {
		wire = append(wire, 'd')
		wire = binary.BigEndian.AppendUint32(wire, uint32(4+1+walHead+len(m)))
		wire = append(append(append(wire, 'w'), make([]byte, walHead)...), m...)
	}
	for i := range transactions {
		at := capture.LSN(i+1) << 20
		message(beginMessage(at, 9))
		for j := range rows {
			message(insertMessage(fmt.Sprint(1_000_000+j), "424242", "paid", "1299.50", note, "2026-11-25 10:10:32.299352+00"))
		}
		message(commitMessage(at, at+0x30))
	}
	return wire
}

// allocated returns how many bytes f allocates, while other code may run.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// again is a connection on which the same bytes arrive forever.
type again struct {
	wire []byte
	at   int
}

func (a *again) Read(b []byte) (int, error) {
	n := copy(b, a.wire[a.at:])
	a.at = (a.at + n) % len(a.wire)
	return n, nil
}

// decode reads a number of rows from the wire into complete batches, as receive does.
func decode(tb testing.TB, fs *conn.Frames, a *Assembler, rows int) {
	for n := 0; n < rows; {
		m, err := fs.Next()
		if err != nil {
			tb.Fatal(err)
		}
		if err := a.Add(tb.Context(), m.Body[1+walHead:], m.Own); err != nil {
			tb.Fatal(err)
		}
		if a.Full() || !fs.Ready() && a.Complete() {
			b := a.Take()
			n += len(b.Changes)
			b.Release()
		}
	}
}

// BenchmarkDecode is a row's way from the wire into a batch: cut, decoded, copied, its table and position found.
func BenchmarkDecode(b *testing.B) {
	for _, rows := range []int{1, 1000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			const each = 100_000 // an operation's rows, so that a batch's share is seen
			fs, a := conn.NewFrames(&again{wire: wireOf(1000/rows, rows)}), orders()
			b.ReportAllocs()
			for b.Loop() {
				decode(b, fs, a, each)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/each, "ns/row")
		})
	}
}

// BenchmarkDecodeTables compares a row's way from the wire into a batch when the rows are of one table, and of 1,000 tables in turn. The
// two run in turn; the fastest round of each counts, so that the ratio holds on a busy machine, too.
func BenchmarkDecodeTables(b *testing.B) {
	const each = 10_000 // rows of a round
	type run struct {
		frames  *conn.Frames
		rows    *Assembler
		fastest time.Duration
	}
	var runs []*run
	for _, tables := range []int{1, 1000} {
		a, wire := orders(), wireOf(1, 1000)
		tableOfRows(a, wire, tables)
		runs = append(runs, &run{conn.NewFrames(&again{wire: wire}), a, math.MaxInt64})
	}
	for b.Loop() {
		for _, r := range runs {
			start := time.Now()
			decode(b, r.frames, r.rows, each)
			r.fastest = min(r.fastest, time.Since(start))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(runs[0].fastest.Nanoseconds())/each, "ns/1-table")
	b.ReportMetric(float64(runs[1].fastest.Nanoseconds())/each, "ns/1000-tables")
}

// tableOfRows makes the rows on the wire those of a number of tables in turn, which it adds to the assembler.
func tableOfRows(a *Assembler, wire []byte, tables int) {
	for at, row := 0, 0; at < len(wire); at += 1 + int(binary.BigEndian.Uint32(wire[at+1:])) {
		m := wire[at+5+1+walHead:]
		if m[0] != 'I' {
			continue
		}
		id := uint32(relationID + row%tables)
		binary.BigEndian.PutUint32(m[1:], id)
		if a.relations.live[id] == nil {
			table := *a.relations.live[relationID]
			table.OID, table.Name = id, fmt.Sprint("t", id)
			a.relations.live[id] = &table
		}
		row++
	}
}

// BenchmarkFrames cuts messages.
func BenchmarkFrames(b *testing.B) {
	fs := conn.NewFrames(&again{wire: wireOf(1, 1000)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fs.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

// A row's way from the wire into a batch. A transaction of its own costs a row its Tx.
func TestDecodeAllocations(t *testing.T) {
	for _, c := range []struct {
		rows int
		most float64 // allocations per row
	}{{1, 1.03}, {10, 0.116}, {1000, 0.015}} {
		fs, a := conn.NewFrames(&again{wire: wireOf(1000/c.rows, c.rows)}), orders()
		const each = 20_000
		rows := func() { decode(t, fs, a, each) }
		// What else runs in the test binary can only add.
		n := min(testing.AllocsPerRun(5, rows), testing.AllocsPerRun(5, rows), testing.AllocsPerRun(5, rows)) / each
		t.Logf("transactions of %d rows: %.4f allocations a row", c.rows, n)
		if n > c.most {
			t.Errorf("transactions of %d rows: %.4f allocations a row, at most %v are allowed", c.rows, n, c.most)
		}
	}
}

// A large row's way takes memory that is reused: what remains are its values and its batch.
func TestDecodeAllocationsOfLargeRows(t *testing.T) {
	for _, size := range []int{20_000, 100_000, 1 << 20} {
		fs, a := conn.NewFrames(&again{wire: largeWire(10, size)}), orders()
		const each = 1000
		var bytes uint64
		rows := func() { bytes = allocated(func() { decode(t, fs, a, each) }) / each }
		rows()
		n := min(testing.AllocsPerRun(3, rows), testing.AllocsPerRun(3, rows)) / each
		t.Logf("rows of %d bytes: %.2f allocations and %d bytes a row", size, n, bytes)
		if n > 5 || bytes > 2000+uint64(size)/50 {
			t.Errorf("rows of %d bytes: %.2f allocations and %d bytes a row, at most 5 and %d are allowed", size, n, bytes, 2000+size/50)
		}
	}
}

// BenchmarkDecodeLarge is the way of a row of 100 KB.
func BenchmarkDecodeLarge(b *testing.B) {
	fs, a := conn.NewFrames(&again{wire: largeWire(10, 100_000)}), orders()
	b.ReportAllocs()
	b.SetBytes(100_000)
	for b.Loop() {
		decode(b, fs, a, 1)
	}
}
