package target

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// compareLabels compares the labels of an enum. A label that was renamed in the source is renamed by an operator: the stream does
// not carry that, and readers of the target may use the label. One that only the target has is left alone: Postgres cannot drop it.
func (s *types) compareLabels(t *capture.Type, name string, target []part) {
	var source []part
	for i, l := range t.User.Labels {
		p := part{Name: l}
		if i < len(t.User.Numbers) {
			p.Number = t.User.Numbers[i]
		}
		source = append(source, p)
	}
	was := s.recorded(t)
	of, unclear := pairs(source, target, was), false
	if was == nil { // as many labels in the same place are the same ones, renamed
		gaps(source, target, of, func(g gap) {
			if len(g.free) != g.to-g.from {
				unclear = true
				return
			}
			copy(of[g.from:g.to], g.free)
		})
	}
	names := s.partNames("ALTER TYPE "+name+" RENAME VALUE", literal, target)
	to, sources := map[int]string{}, map[int]string{}
	for i, j := range of {
		if j >= 0 && target[j].Name != source[i].Name {
			to[j], sources[j] = source[i].Name, source[i].Name
		}
	}
	again := s.usedBefore(source, target, of, was)
	names.rename(to, func(j int) string {
		return "label " + target[j].Name + " of enum " + name + " is called " + sources[j] + " in the source"
	})
	s.addLabels(name, source, of, names.names, len(to) > 0 || unclear || again)
	if unclear || again {
		s.thenVerify()
	}
	s.record(t, source, target, of)
}

// usedBefore reports whether a label that is new in the target, or that has to be renamed, gets a name that another label has or had:
// a row with that name may be older and mean the other one.
func (s *types) usedBefore(source, target []part, of []int, was *typeEntry) bool {
	for i, p := range source {
		if of[i] >= 0 && target[of[i]].Name == p.Name {
			continue
		}
		if slices.ContainsFunc(target, func(f part) bool { return f.Name == p.Name }) || was.former(p) {
			return true
		}
	}
	return false
}

// addLabels adds the labels that an enum lacks, in the source's order. They can be added without an operator unless others have to
// be renamed first, or older rows would keep another label.
func (s *types) addLabels(name string, source []part, of []int, names []string, byHand bool) {
	for i, p := range source {
		if of[i] >= 0 {
			continue
		}
		where := ""
		if i > 0 {
			where = " AFTER " + literal(source[i-1].Name)
		} else if len(names) > 0 {
			where = " BEFORE " + literal(names[0])
		}
		reason, sql := "enum "+name+" lacks label "+p.Name, "ALTER TYPE "+name+" ADD VALUE "+literal(p.Name)+where
		if byHand {
			s.alterByHand(reason, sql)
		} else {
			s.apart(reason, sql)
		}
	}
}

// formerLabel reports whether a label is a previous name of another one, as far as the catalog has seen.
func (c *Catalog) formerLabel(name, label string) bool { return slices.Contains(c.former[name], label) }
