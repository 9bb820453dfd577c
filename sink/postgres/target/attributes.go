package target

import (
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// compareAttributes compares the attributes of a composite type. The text of a value has them in order, without names, and new ones
// come last on both sides. Missing ones are added at the end, which keeps the text of older values equal. All else needs an
// operator.
func (s *types) compareAttributes(t *capture.Type, name string, target []part) {
	var source []part
	for _, f := range t.Fields {
		source = append(source, part{Number: uint32(f.Number), Name: f.Name, SQL: s.sql(f.Type, f.Modifier)})
	}
	was := s.recorded(t)
	of, unclear := pairs(source, target, was), false
	inOrder(of)
	if was == nil {
		gaps(source, target, of, func(g gap) { unclear = pairByOrder(source, target, of, g) || unclear })
	}
	unclear = endAtDifference(source, target, of) || unclear
	byHand := s.dropAttributes(name, target, of)
	names := s.partNames("ALTER TYPE "+name+" RENAME ATTRIBUTE", func(n string) string { return quote(n) }, target)
	to, now := map[int]string{}, map[int]string{}
	for i, j := range of {
		if j >= 0 && target[j].Name != source[i].Name && !was.ahead(source[i], target[j], t.User.Read) {
			to[j], now[j] = source[i].Name, source[i].Name
		}
	}
	for j := range target {
		if !slices.Contains(of, j) {
			names.names[j] = "" // dropped
		}
	}
	names.rename(to, func(j int) string {
		return "attribute " + now[j] + " of type " + name + " is " + target[j].Name + " in the target"
	})
	added := s.addAttributes(t, name, of, byHand || len(to) > 0)
	if unclear && (byHand || len(to) > 0) || byHand && added {
		s.thenVerify() // as many attributes as before, so rows may have been written into others
	}
	s.record(t, source, target, of)
}

// ahead reports whether an attribute was renamed in the target before the source's shape was: it is as recorded in the source, or older
// than the record. The rows of a table may have an older shape than those of another one that follow them.
func (e *typeEntry) ahead(source, target part, read time.Time) bool {
	k := e.part(source.Number)
	return k != nil && k.Place == target.Number && (k.Name == source.Name || read.Before(e.Read))
}

// inOrder undoes pairs that do not have the same order on both sides.
func inOrder(of []int) {
	last := -1
	for i, j := range of {
		if j >= 0 && j < last {
			of[i] = -1
		}
		last = max(last, of[i])
	}
}

// pairByOrder pairs the attributes of a gap, without a record. Attributes are only ever added at the end, so those before a common
// one were renamed. At the end they were renamed, or dropped and others added: pairs of the same type keep their values. It reports
// whether that is not certain.
func pairByOrder(source, target []part, of []int, g gap) (unclear bool) {
	for n, j := range g.free {
		i := g.from + n
		if i >= g.to || g.last && source[i].SQL != target[j].SQL {
			break
		}
		of[i] = j
	}
	return g.last || len(g.free) != g.to-g.from
}

// endAtDifference undoes all pairs from the first attribute on that the target lacks although it has later ones, or has with
// another type: those are made again in their order. It reports whether there are any.
func endAtDifference(source, target []part, of []int) bool {
	for i, j := range of {
		lacks := j < 0 && slices.ContainsFunc(of[i:], func(j int) bool { return j >= 0 })
		if lacks || j >= 0 && target[j].SQL != source[i].SQL {
			for k := i; k < len(of); k++ {
				of[k] = -1
			}
			return true
		}
	}
	return false
}

// dropAttributes drops the attributes that no attribute of the source is paired with. It reports whether there are any.
func (s *types) dropAttributes(name string, target []part, of []int) (dropped bool) {
	for j, f := range target {
		if !slices.Contains(of, j) {
			s.alterByHand("type "+name+" has attribute "+f.Name+" in the target only", "ALTER TYPE "+name+" DROP ATTRIBUTE "+quote(f.Name))
			dropped = true
		}
	}
	return dropped
}

// addAttributes adds the attributes that the target lacks. It reports whether there are any.
func (s *types) addAttributes(t *capture.Type, name string, of []int, byHand bool) (added bool) {
	for i, f := range t.Fields {
		if of[i] >= 0 {
			continue
		}
		added = true
		reason, sql := "type "+name+" lacks attribute "+f.Name, "ALTER TYPE "+name+" ADD ATTRIBUTE "+s.attribute(t, f)
		if byHand {
			s.alterByHand(reason, sql)
		} else {
			s.add(reason, sql)
		}
	}
	return added
}
