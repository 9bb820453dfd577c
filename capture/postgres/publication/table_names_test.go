package publication

import (
	"errors"
	"slices"
	"testing"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

func TestNamesOfFile(t *testing.T) {
	c := Config{Tables: []string{"public.*", "a.b", "x.y*"}, Except: []string{"public.t*", "a.b"}, Options: []TableOption{{Name: "public.warned"}}}
	for name, want := range map[string]bool{
		"public.a": true, "public.t": false, "public.warned": true, "a.b": true, "a.c": false, "x.y1": true, "x.z": false,
	} {
		schema, table, _ := capture.SplitName(name)
		if c.Selects(schema, table) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	for _, c := range []struct {
		next uint64
		id   uint32
		want uint64
	}{{1000, 999, 999}, {1000, 2, 0}, {3<<32 + 5, 4, 3<<32 + 4}, {3<<32 + 5, 1<<32 - 5, 3<<32 - 5}, {3<<32 + 5, 1 << 30, 2<<32 + 1<<30}, {1000, 5000, 0}} {
		if got := lastBefore(c.next, c.id); got != c.want {
			t.Errorf("the last %d before %d is %d, want %d", c.id, c.next, got, c.want)
		}
	}
	if verdict, rest := splitVerdict(verdictLine("a\nb") + "\nc\nd"); verdict != "a b" || rest != "c\nd" {
		t.Errorf("%q, %q", verdict, rest)
	}
	if verdict, rest := splitVerdict("c\nd"); verdict != "" || rest != "c\nd" {
		t.Errorf("%q, %q", verdict, rest)
	}
	var n naming
	n.stray(1, "b")
	n.stray(2, "a")
	if n.forgetReported(); !slices.Equal(n.texts(), []string{"a", "b"}) {
		t.Error("what no row of the catalogue proves is forgotten")
	}
	n.stamp()
	if n.forgetReported(); len(n.texts()) > 0 || len(n.strayed()) > 0 {
		t.Error("strays are judged twice")
	}
}

// Which rows of a table that the file does not name are delivered.
func TestRowsUnderNamesThatTheFileLacks(t *testing.T) {
	passed := make(chan struct{})
	close(passed)
	const began, added = 900, 500 // ids of transactions: when the process had the slot, and when the table got its row in the publication
	for _, c := range []struct {
		what       string
		table      string
		oid        uint32
		xid        uint64
		recorded   bool
		handed, is bool // handed on; else it is left out, or is judged again
	}{
		{what: "a name of the file", table: "a", oid: 1, xid: 950, recorded: true, handed: true},
		{what: "older than the row in the publication", table: "z", oid: 1, xid: added - 1, recorded: true},
		{what: "as old as that row", table: "z", oid: 1, xid: added, recorded: true, is: true},
		{what: "not published", table: "z", oid: 2, xid: 950, recorded: true},
		{what: "a name of a record, before the process began", table: "was", oid: 1, xid: began - 1, recorded: true, handed: true},
		{what: "a name of a record, later", table: "was", oid: 1, xid: began, recorded: true, is: true},
		{what: "no record, before the process began", table: "z", oid: 1, xid: began - 1, handed: true},
		{what: "no record, later", table: "z", oid: 1, xid: began, is: true},
		{what: "no record, and not published", table: "z", oid: 2, xid: began - 1},
	} {
		n := &naming{recorded: c.recorded, known: map[uint32]bool{hash("public", "was"): true}, began: began}
		v := &View{
			names: n, config: &Config{Manage: true, Tables: []string{"public.a"}}, log: zap.NewNop(), next: 1000, passed: passed,
			members: map[uint32]membership{1: {member: Member{Schema: "public", Name: "a", xmin: added}}},
		}
		handed, err := v.Take(t.Context(), c.xid, c.oid, "public", c.table)
		if handed != c.handed || (err != nil) != c.is || (len(n.texts()) > 0) != c.is || err != nil && !errors.Is(err, capture.ErrRestart) {
			t.Errorf("%s: handed on %v, %v, strays %q", c.what, handed, err, n.texts())
		}
	}
}

// A table that was published under a name of the file is noticed under another one, when this process accepted it so.
func TestRenamedSinceItWasAccepted(t *testing.T) {
	table := func(row uint32, name string) membership {
		return membership{row: row, name: hash("public", name), member: Member{Schema: "public", Name: name, oid: row}}
	}
	for _, c := range []struct {
		what     string
		accepted *Fingerprint
		foreign  bool
		want     bool
	}{
		{what: "renamed", accepted: &Fingerprint{tables: []membership{table(1, "a")}}, want: true},
		{what: "it had the name before", accepted: &Fingerprint{tables: []membership{table(1, "z")}}},
		{what: "another row", accepted: &Fingerprint{tables: []membership{table(2, "a")}}},
		{what: "nothing was accepted"},
		{what: "an administrator's publication", accepted: &Fingerprint{tables: []membership{table(1, "a")}}, foreign: true},
	} {
		k := NewKeeper(&Config{Manage: !c.foreign, Tables: []string{"public.a"}}, nil, zap.NewNop())
		k.accepted = c.accepted
		if got := k.rename(&Fingerprint{tables: []membership{table(1, "z")}}); got != c.want || (len(k.names.texts()) > 0) != c.want {
			t.Errorf("%s: %v, %q", c.what, got, k.names.texts())
		}
	}
}
