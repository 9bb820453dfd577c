package pgoutput

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tailrace/tailrace/capture"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

func text(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }

// The bytes are of a real server (testdata/messages.txt, except where a comment says otherwise); the values are what
// the session that made them had written.
func TestDecode(t *testing.T) {
	null, unchanged := capture.Value{}, capture.Value{Kind: capture.Unchanged}
	paid := text("paid")
	for _, c := range []struct {
		msg  string
		want any
	}{
		{
			"420000000001930ff000030415ce506358000002dc",
			&Begin{0x1930ff0, at("2026-11-25T10:10:32.331096Z"), 732},
		},
		{
			"43000000000001930ff0000000000193102000030415ce506358",
			&Commit{0x1930ff0, 0x1931020, at("2026-11-25T10:10:32.331096Z")},
		},
		{"4f0000000000abcdef656c7365776865726500", &Origin{0xabcdef, "elsewhere"}},
		{"59000040027075626c6963006d6f6f6400", &Type{16386, "public", "mood"}},
		{"5900000001006d00", &Type{1, "pg_catalog", "m"}}, // made up: nothing stands for pg_catalog
		{"520000400d7075626c69630057c3a9697264202278222e79006400030169640000000017ffffffff006d0000004002ffffffff00" +
			"6269670000000019ffffffff", &Relation{16397, "public", `Wéird "x".y`, IdentityDefault, []Column{
			{"id", 23, -1, true}, {"m", 16386, -1, false}, {"big", 25, -1, false},
		}}},
		{"49000040144e00027400000001326e", &Row{Relation: 16404, New: []capture.Value{text("2"), null}}},
		{"490000401b4e0000", &Row{Relation: 16411, New: []capture.Value{}}},
		{"550000400d4e00037400000001316e75", &Row{Relation: 16397, New: []capture.Value{text("1"), null, unchanged}}},
		{
			"55000040054b00067400000001316e6e6e6e6e4e0001740000000470616964",
			&Row{
				Relation: 0x4005, OldKind: OldKey, Old: []capture.Value{text("1"), null, null, null, null, null},
				New: []capture.Value{paid},
			},
		}, // cut down by hand
		{
			"44000040144f0002740000000131740000000162",
			&Row{Relation: 16404, OldKind: OldRow, Old: []capture.Value{text("1"), text("b")}},
		},
		{"5400000002030000400500004014", &Truncate{[]uint32{0x4005, 0x4014}, true, true}},
		{
			"4d0100000000019340286f7574626f7800000000077b2278223a317d",
			&Message{true, 0x1934028, []byte("outbox"), []byte(`{"x":1}`)},
		},
		{"4d00000000000193409070696e670000000000", &Message{false, 0x1934090, []byte("ping"), []byte{}}},
		{"53000002ec01", &StreamStart{748, true}},
		{"45", &StreamStop{}},
		{
			"63000002ec00000000000199e938000000000199eab000030415ce509334",
			&StreamCommit{748, 0x199e938, 0x199eab0, at("2026-11-25T10:10:32.343348Z")},
		},
		{"41000002ec000002ed", &StreamAbort{XID: 748, SubXID: 749}},
		// made up: a stream abort as streaming = parallel gives it
		{
			"41000002ec000002ed000000000199e93800030415ce509334",
			&StreamAbort{748, 749, 0x199e938, at("2026-11-25T10:10:32.343348Z")},
		},
		{
			"620000000001935af80000000001935bf000030415ce507812000002e86769643100",
			&BeginPrepare{0x1935af8, 0x1935bf0, at("2026-11-25T10:10:32.336402Z"), 744, "gid1"},
		},
		{
			"50000000000001935af80000000001935bf000030415ce507812000002e86769643100",
			&Prepare{0x1935af8, 0x1935bf0, at("2026-11-25T10:10:32.336402Z"), 744, "gid1"},
		},
		{
			"4b000000000001935bf00000000001935c2800030415ce507881000002e86769643100",
			&CommitPrepared{0x1935bf0, 0x1935c28, at("2026-11-25T10:10:32.336513Z"), 744, "gid1"},
		},
		{
			"72000000000001935da80000000001935de000030415ce5079a200030415ce507a03000002e96769643200",
			&RollbackPrepared{
				0x1935da8, 0x1935de0, at("2026-11-25T10:10:32.336802Z"),
				at("2026-11-25T10:10:32.336899Z"), 745, "gid2",
			},
		},
		{
			"70000000000001a02f900000000001a0308800030415ce50a52f000002f06769643300",
			&StreamPrepare{0x1a02f90, 0x1a03088, at("2026-11-25T10:10:32.347951Z"), 752, "gid3"},
		},
	} {
		msg, err := hex.DecodeString(c.msg)
		if err != nil {
			t.Fatal(c.msg, err)
		}
		got, _, err := decode(msg, false)
		if err != nil {
			t.Errorf("%s: %v", c.msg, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.msg, diff)
		}
	}
}

// The prefix that streaming adds to a message is cut off, and the rest decodes as usual.
func TestCutXID(t *testing.T) {
	msg, _ := hex.DecodeString("54000002ee000000010000004005")
	got, xid, err := decode(msg, true)
	if diff := cmp.Diff(&Truncate{Relations: []uint32{0x4005}}, got); err != nil || xid != 750 || diff != "" {
		t.Errorf("xid %d, %v %s", xid, err, diff)
	}
}

func TestDecodeError(t *testing.T) {
	for msg, want := range map[string]string{
		"4900000001":                       "Insert message: relation id and row kind needs 5 bytes and 4 are left at offset 0",
		"49000000014b0000":                 "Insert message: unexpected row kind 'K' at offset 4",
		"49000000014e000162000000027fff":   "Insert message: column 0 is in binary form, and text was asked for at offset 7",
		"49000000014e000178":               "Insert message: column 0 has the unknown kind 'x' at offset 7",
		"49000000014e00026e74ffffffff6161": "Insert message: column 1 needs 4294967295 bytes and 2 are left at offset 13",
		"49000000014effff6e6e":             "Insert message: columns of the row needs 65535 bytes and 2 are left at offset 7",
		"49000000014e0001740000":           "Insert message: length of column 0 needs 4 bytes and 2 are left at offset 8",
		"55000000014f00016e":               "Update message: new row needs 1 bytes and 0 are left at offset 8",
		"55000000014f00016e4f00016e":       "Update message: unexpected row kind 'O' at offset 8",
		"44000000014e00016e":               "Delete message: unexpected row kind 'N' at offset 4",
		"44000000014b00016e6e":             "Delete message: 1 bytes left over at offset 8",
		"540fffffff00":                     "Truncate message: 268435455 relations do not fit into 0 bytes at offset 5",
		"52000000016100620064ffff":         "Relation message: 65535 columns do not fit into 0 bytes at offset 11",
		"5200000001616161":                 "Relation message: schema has no end at offset 4",
		"4d0100000000000000017000ffffffff": "Message message: content needs 4294967295 bytes and 0 are left at offset 15",
		"43010000000000000000":             "Commit message: unknown flags 0x1 at offset 0",
	} {
		b, err := hex.DecodeString(msg)
		if err != nil {
			t.Fatal(msg, err)
		}
		if _, _, err = decode(b, false); err == nil || err.Error() != "decode "+want {
			t.Errorf("%s:\ngot  %v\nwant decode %s", msg, err, want)
		}
	}
}

// An error may reach a log, and rows may be secret.
func TestErrorHasNoRowData(t *testing.T) {
	msg := "I\x00\x00\x00\x01N\x00\x02t\x00\x00\x00\x06secrett\x00\x00\x00\xffsecret"
	if _, _, err := decode([]byte(msg), false); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// A reused Row or Truncate keeps nothing of the previous message.
func TestDecodeAgain(t *testing.T) {
	var row Row
	if err := row.DecodeDelete([]byte("\x00\x00\x00\x01K\x00\x01n"), new(Slab)); err != nil {
		t.Fatal(err)
	}
	if err := row.DecodeInsert([]byte("\x00\x00\x00\x01N\x00\x01n"), new(Slab)); err != nil || row.Old != nil ||
		row.OldKind != 0 {
		t.Error(row, err)
	}
	truncate := Truncate{Relations: []uint32{1, 2}}
	if err := truncate.Decode([]byte("\x00\x00\x00\x01\x00\x00\x00\x00\x07")); err != nil ||
		!cmp.Equal(truncate.Relations, []uint32{7}, cmpopts.EquateEmpty()) {
		t.Error(truncate, err)
	}
}
