package publication

import (
	"fmt"
	"reflect"
	"slices"
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

func TestTablesThatJoined(t *testing.T) {
	member := func(row uint32, name string) membership {
		return membership{row: row, name: hash("public", name), member: Member{Schema: "public", Name: name, oid: row + 100}}
	}
	columns := bitmap{1}
	was := Fingerprint{publication: 1, tables: []membership{member(1, "t"), member(2, "u")}}
	now := Fingerprint{publication: 1, tables: []membership{member(1, "renamed"), member(3, "u"), member(4, "w"), {row: 5, name: hash("s", "")}}}
	for name, c := range map[string]struct {
		was, now Fingerprint
		want     []uint32
	}{
		"new, renamed, and put back": {was, now, []uint32{104}},
		"another publication":        {Fingerprint{publication: 2}, now, nil},
		"too many to record":         {Fingerprint{publication: 1, cut: true}, now, nil},
		"an administrator's": {
			Fingerprint{publication: 1, tables: was.tables, carried: []carried{{101, columns}, {102, columns}, {200, columns}}},
			Fingerprint{publication: 1, tables: now.tables, carried: []carried{{101, columns}, {103, columns}, {104, columns}, {200, columns}, {201, columns}}},
			[]uint32{104, 201},
		},
	} {
		if got := c.now.joined(&c.was); !slices.Equal(got, c.want) {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestJoinedSinceTheLastStream(t *testing.T) {
	member := func(row uint32, name string) membership {
		return membership{row: row, name: hash("public", name), member: Member{Schema: "public", Name: name, oid: row + 100}}
	}
	was := Fingerprint{publication: 1, tables: []membership{member(1, "t")}}
	pub := &Published{Fingerprint: Fingerprint{publication: 1, tables: []membership{member(1, "t"), member(2, "u"), member(3, "v")}}}
	for name, c := range map[string]struct {
		keeper *Keeper
		want   []uint32
	}{
		"before the first stream":   {&Keeper{}, nil},
		"added by this process":     {&Keeper{added: []string{"public.v", "public.dropped"}}, []uint32{103}},
		"added by another session":  {&Keeper{accepted: &was}, []uint32{102, 103}},
		"nothing since it accepted": {&Keeper{accepted: &pub.Fingerprint}, nil},
	} {
		if got := c.keeper.Joined(pub); !slices.Equal(got, c.want) {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := pub.Fingerprint.Joined(was.String()); !slices.Equal(got, []uint32{102, 103}) {
		t.Errorf("since a record: %d", got)
	}
	if got := pub.Fingerprint.Joined("of another version"); got != nil {
		t.Errorf("since an unknown record: %d", got)
	}
}
