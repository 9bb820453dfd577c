package joined

import (
	"maps"
	"slices"
	"testing"
)

func TestJoinList(t *testing.T) {
	full := joinList{accepted: 3, tables: map[uint32]join{5: {bound: 700, status: joinMissing}, 1 << 31: {bound: 1 << 31, status: joinSettled}}}
	for _, l := range []joinList{{}, {accepted: 1}, {tables: map[uint32]join{9: {}}}, full} {
		back := parseJoins(l.String())
		if back.accepted != l.accepted || !maps.Equal(back.tables, l.tables) {
			t.Errorf("%+v comes back as %+v", l, back)
		}
	}
	for _, text := range []string{"", "1", "1.", "1.x.", "2.0.", "1.0.!", "1.0.AAAA", "1.-1."} {
		if l := parseJoins(text); l.accepted != 0 || len(l.tables) != 0 || l.tables == nil {
			t.Errorf("%q is read as %+v", text, l)
		}
	}
}

func TestJoinListsMerged(t *testing.T) {
	list := func(accepted uint64, status ...joinStatus) joinList {
		l := joinList{accepted: accepted, tables: map[uint32]join{}}
		for i, s := range status {
			l.tables[uint32(i)] = join{bound: 10 + uint32(accepted), status: s}
		}
		return l
	}
	for name, c := range map[string]struct{ a, b, want joinList }{
		"accepted later":    {list(0, joinMissing, joinOpen), list(1, joinSettled), list(1, joinSettled)},
		"the worse counts":  {list(1, joinOpen, joinSettled, joinMissing), list(1, joinSettled, joinMissing, joinOpen), list(1, joinSettled, joinMissing, joinMissing)},
		"of either":         {list(0, joinOpen), list(0, joinOpen, joinMissing), list(0, joinOpen, joinMissing)},
		"an empty one":      {list(0, joinMissing), list(0), list(0, joinMissing)},
		"accepted, nothing": {list(2, joinSettled), list(1), list(2, joinSettled)},
	} {
		for _, order := range [][2]joinList{{c.a, c.b}, {c.b, c.a}} {
			m := order[0].clone()
			m.merge(order[1])
			if m.accepted != c.want.accepted || !maps.Equal(m.tables, c.want.tables) {
				t.Errorf("%s: %+v, want %+v", name, m, c.want)
			}
		}
	}
}

func TestJoinsInComments(t *testing.T) {
	list := joinList{tables: map[uint32]join{7: {status: joinMissing}, 8: {}, 9: {status: joinSettled}, 10: {}}}
	line := joinsLine(&list, map[uint32]string{7: "public.w (4), x (5)", 8: "public.v", 9: "public.z"})
	if want := joinsHead + "public.v (8), public.w (4), x (5) (7)"; line != want {
		t.Errorf("the line is %q", line)
	}
	if found, rest := splitJoins(line + "\nmine"); found != line || rest != "mine" {
		t.Errorf("split into %q and %q", found, rest)
	}
	if oids := joinsOf(joinsHead + "public.v (8), public.w (7)"); !slices.Equal(oids, []uint32{8, 7}) {
		t.Errorf("it lists %d", oids)
	}
	if found, rest := splitJoins("mine"); found != "" || rest != "mine" {
		t.Errorf("split into %q and %q", found, rest)
	}
}
