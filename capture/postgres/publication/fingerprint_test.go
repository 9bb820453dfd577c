package publication

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestFingerprintAsText(t *testing.T) {
	d := definition{Publish: everything, oid: 1, xmin: 2, owner: 3}
	for i := range maxRecorded + 1 {
		e := d.fingerprint()
		was, known := parseFingerprint(e.String())
		if !known || was.cut || was.publication != 1 || len(was.tables) != i || e.altered(&was, false) != nil || e.gone(&was) != nil {
			t.Fatalf("%d tables: %v, %+v", i, known, was)
		}
		d.Tables = append(d.Tables, Member{Schema: "public", Name: fmt.Sprint(i), oid: uint32(i), row: uint32(1000 + i)})
	}
	few := definition{oid: 1}
	withColumns := few.fingerprint()
	withColumns.carried = carriedBy([]Table{{OID: 7, numbers: []int16{1, 9, 1600}}, {OID: 8}, {OID: 9, numbers: []int16{2}}})
	if was, known := parseFingerprint(withColumns.String()); !known || !reflect.DeepEqual(was.carried[0].columns.without(bitmap{0, 1}), []int16{1, 1600}) ||
		len(was.carried) != 3 || was.carried[2].table != 9 || !was.carried[2].columns.has(2) || was.carried[2].columns.has(3) {
		t.Errorf("%v, %+v", known, was)
	}
	if text := withColumns.String(); strings.HasSuffix(text, ".") {
		t.Error(text)
	} else if _, known := parseFingerprint(text[:len(text)-2]); known {
		t.Error("half of it is known")
	}
	e := d.fingerprint()
	was, known := parseFingerprint(e.String())
	if !known || !was.cut || len(was.tables) != 0 || e.altered(&was, true) != nil {
		t.Errorf("more tables than are recorded: %v, %+v", known, was)
	}
	if d.xmin++; len(e.String()) > 40 {
		t.Errorf("it is %d bytes long", len(e.String()))
	}
	if e := d.fingerprint(); len(e.altered(&was, true)) != 1 {
		t.Error("of a fingerprint without its tables nothing is compared")
	}
	for _, text := range []string{"", "p", "94fa1c9b0d3b8a11", "1.", "1.!", "1.AAAA", "2." + e.String()[2:], e.String() + "AAAA"} {
		if _, known := parseFingerprint(text); known {
			t.Errorf("%q is known", text)
		}
	}
}
