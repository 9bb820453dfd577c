package pgoutput

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/jackc/pglogrepl"

	"github.com/tailrace/tailrace/capture"
)

// order is an insert of 6 columns and 109 bytes.
func order() []byte {
	msg := []byte("I\x00\x00\x40\x05N\x00\x06")
	for _, v := range []string{"1234567", "424242", "paid", "1299.50", "a note", "2026-11-25 10:10:32.299352+00"} {
		msg = append(msg, 't')
		msg = binary.BigEndian.AppendUint32(msg, uint32(len(v)))
		msg = append(msg, v...)
	}
	return msg
}

func update(old byte) []byte {
	row := order()[6:]
	return bytes.Join([][]byte{[]byte("U\x00\x00\x40\x05"), {old}, row, {'N'}, row}, nil)
}

// A row costs its share of a chunk, and nothing else: 18 values for the two rows, 1024 per chunk.
func TestAllocations(t *testing.T) {
	var slab Slab
	var row Row
	insert, update := order()[1:], update('O')[1:]
	const rows = 2_000
	n := testing.AllocsPerRun(10, func() {
		for range rows / 2 {
			if row.DecodeInsert(insert, &slab) != nil || row.DecodeUpdate(update, &slab) != nil {
				t.Fatal("not decoded")
			}
		}
	})
	if n > rows/100 {
		t.Errorf("%v allocations for %d rows", n, rows)
	}
	var begin Begin
	var commit Commit
	n = testing.AllocsPerRun(1_000, func() {
		if begin.Decode(make([]byte, 20)) != nil || commit.Decode(make([]byte, 25)) != nil {
			t.Fatal("not decoded")
		}
	})
	if n > 0 {
		t.Errorf("%v allocations a transaction", n)
	}
}

// The values of a row cannot be reached through those of another row, not even by append.
func TestSlabTake(t *testing.T) {
	var s Slab
	var all [][]capture.Value
	for _, n := range []int{0, 1, 6, 255, 256, 257, 700, 1024, 1025, 65535, 6} {
		all = append(all, s.Take(n))
		if v := all[len(all)-1]; len(v) != n || cap(v) != n {
			t.Errorf("Take(%d) has length %d and capacity %d", n, len(v), cap(v))
		}
	}
	for i, vals := range all {
		for j := range vals {
			if vals[j].Kind != capture.Null {
				t.Fatalf("value %d of row %d is %v", j, i, vals[j].Kind)
			}
			vals[j].Kind = capture.Text
		}
	}
}

func BenchmarkInsert(b *testing.B) {
	msg := order()[1:]
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	var slab Slab
	var row Row
	for b.Loop() {
		if err := row.DecodeInsert(msg, &slab); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdateFull(b *testing.B) {
	msg := update('O')[1:]
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	var slab Slab
	var row Row
	for b.Loop() {
		if err := row.DecodeUpdate(msg, &slab); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTransaction(b *testing.B) {
	begin, commit := make([]byte, 20), make([]byte, 25)
	b.ReportAllocs()
	var m Begin
	var e Commit
	for b.Loop() {
		if m.Decode(begin) != nil || e.Decode(commit) != nil {
			b.Fatal("not decoded")
		}
	}
}

// What the same insert costs in pglogrepl.
func BenchmarkInsertPglogrepl(b *testing.B) {
	msg := order()
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pglogrepl.Parse(msg); err != nil {
			b.Fatal(err)
		}
	}
}
