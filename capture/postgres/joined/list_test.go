package joined

import (
	"maps"
	"slices"
	"testing"
)

func TestListAsText(t *testing.T) {
	full := tableList{accepted: 3, tables: map[uint32]entry{5: {bound: 700, status: statusMissing}, 1 << 31: {bound: 1 << 31, status: statusSettled}}}
	for _, l := range []tableList{{}, {accepted: 1}, {tables: map[uint32]entry{9: {}}}, full} {
		back := parseList(l.String())
		if back.accepted != l.accepted || !maps.Equal(back.tables, l.tables) {
			t.Errorf("%+v comes back as %+v", l, back)
		}
	}
	for _, text := range []string{"", "1", "1.", "1.x.", "2.0.", "1.0.!", "1.0.AAAA", "1.-1."} {
		if l := parseList(text); l.accepted != 0 || len(l.tables) != 0 || l.tables == nil {
			t.Errorf("%q is read as %+v", text, l)
		}
	}
}

func TestListsMerged(t *testing.T) {
	list := func(accepted uint64, status ...status) tableList {
		l := tableList{accepted: accepted, tables: map[uint32]entry{}}
		for i, s := range status {
			l.tables[uint32(i)] = entry{bound: 10 + uint32(accepted), status: s}
		}
		return l
	}
	for name, c := range map[string]struct{ a, b, want tableList }{
		"accepted later":    {list(0, statusMissing, statusOpen), list(1, statusSettled), list(1, statusSettled)},
		"the worse counts":  {list(1, statusOpen, statusSettled, statusMissing), list(1, statusSettled, statusMissing, statusOpen), list(1, statusSettled, statusMissing, statusMissing)},
		"of either":         {list(0, statusOpen), list(0, statusOpen, statusMissing), list(0, statusOpen, statusMissing)},
		"an empty one":      {list(0, statusMissing), list(0), list(0, statusMissing)},
		"accepted, nothing": {list(2, statusSettled), list(1), list(2, statusSettled)},
	} {
		for _, order := range [][2]tableList{{c.a, c.b}, {c.b, c.a}} {
			m := order[0].clone()
			m.merge(order[1])
			if m.accepted != c.want.accepted || !maps.Equal(m.tables, c.want.tables) {
				t.Errorf("%s: %+v, want %+v", name, m, c.want)
			}
		}
	}
}

// What only a record has by the time of an acceptance was not shown to the operator, and is not accepted.
func TestListAccepted(t *testing.T) {
	ours := tableList{accepted: 3, tables: map[uint32]entry{7: {bound: 70, status: statusSettled}, 8: {bound: 80, status: statusSettled}}}
	later := entry{bound: 90, status: statusMissing}
	for name, c := range map[string]struct {
		record   tableList
		accepted uint64
		tables   []uint32
	}{
		"as it was read":          {tableList{accepted: 2, tables: map[uint32]entry{7: {bound: 70, status: statusMissing}}}, 3, []uint32{7, 8}},
		"a table joined":          {tableList{accepted: 2, tables: map[uint32]entry{9: later}}, 3, []uint32{7, 8, 9}},
		"accepted, table joined":  {tableList{accepted: 3, tables: map[uint32]entry{9: later}}, 4, []uint32{7, 8, 9}},
		"a record without a list": {parseList(""), 3, []uint32{7, 8}},
	} {
		got := parseList(ours.acceptedIn(c.record))
		if got.accepted != c.accepted || !slices.Equal(slices.Sorted(maps.Keys(got.tables)), c.tables) {
			t.Errorf("%s: %+v", name, got)
		}
		if n, there := got.tables[9]; there && n != later || got.tables[7].status != statusSettled {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestListInComment(t *testing.T) {
	list := tableList{tables: map[uint32]entry{7: {status: statusMissing}, 8: {}, 9: {status: statusSettled}, 10: {}}}
	line := formatLine(&list, map[uint32]string{7: "public.w (4), x (5)", 8: "public.v", 9: "public.z"})
	if want := lineHead + "public.v (8), public.w (4), x (5) (7)"; line != want {
		t.Errorf("the line is %q", line)
	}
	if found, rest := splitLine(line + "\nmine"); found != line || rest != "mine" {
		t.Errorf("split into %q and %q", found, rest)
	}
	if oids := parseLine(lineHead + "public.v (8), public.w (7)"); !slices.Equal(oids, []uint32{8, 7}) {
		t.Errorf("it lists %d", oids)
	}
	if found, rest := splitLine("mine"); found != "" || rest != "mine" {
		t.Errorf("split into %q and %q", found, rest)
	}
}
