package target

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// typeEntry is a row of tailrace.types: an enum or a composite type of the target.
type typeEntry struct {
	Schema, Type string
	OID          uint32    // of the source's type
	Read         time.Time // when the source's type was read
	Parts        []knownPart
}

// knownPart is a label or an attribute as it was last recorded. Numbers of attributes are never used again, and a label cannot be
// dropped.
type knownPart struct {
	Number uint32   // in the source
	Place  uint32   // its number in the target
	Name   string   // in the source
	Former []string `json:",omitempty"` // its previous names in the source
}

const typeEntriesQuery = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Schema', target_schema, 'Type', target_type,
    'OID', source_oid::pg_catalog.int8, 'Read', read, 'Parts', parts))
FROM tailrace.types
WHERE (target_schema, target_type) IN (SELECT w ->> 'Schema', w ->> 'Name' FROM pg_catalog.json_array_elements($1::pg_catalog.json) AS w)
  AND pipeline = $2 AND sink = $3`

const enterTypesQuery = `
WITH entered AS (
INSERT INTO tailrace.types (pipeline, sink, target_schema, target_type, source_oid, read, parts)
SELECT $2, $3, w ->> 'Schema', w ->> 'Type', (w ->> 'OID')::pg_catalog.oid, (w ->> 'Read')::pg_catalog.timestamptz,
    (w -> 'Parts')::pg_catalog.jsonb
FROM pg_catalog.json_array_elements($1::pg_catalog.json) AS w
ON CONFLICT (pipeline, sink, target_schema, target_type) DO UPDATE SET source_oid = excluded.source_oid, read = excluded.read,
    parts = excluded.parts
RETURNING target_type)
SELECT pg_catalog.to_json(pg_catalog.count(*)) FROM entered`

// recorded returns what tailrace.types contains about a type of the source, or nil. A type that was dropped and created again is
// another one.
func (s *types) recorded(t *capture.Type) *typeEntry {
	name := s.sought(t, -1)
	for i := range s.known {
		if e := &s.known[i]; e.Schema == name.Schema && e.Type == name.Name && e.OID == t.OID {
			return e
		}
	}
	return nil
}

// record notes which parts of the target are which ones of the source; of has an index into target for each part of the source.
func (s *types) record(t *capture.Type, source, target []part, of []int) {
	name, was := s.sought(t, -1), s.recorded(t)
	e := typeEntry{Schema: name.Schema, Type: name.Name, OID: t.OID, Read: t.User.Read}
	for i, p := range source {
		if p.Number == 0 || of[i] < 0 {
			return // nothing that outlives a rename is known, or the target has not been altered yet
		}
		k := knownPart{Number: p.Number, Place: target[of[i]].Number, Name: p.Name}
		if old := was.part(p.Number); old != nil {
			k.Former = old.Former
			if old.Name != p.Name {
				k.Former = append(slices.DeleteFunc(slices.Clone(old.Former), func(n string) bool { return n == old.Name }), old.Name)
			}
		}
		e.Parts = append(e.Parts, k)
	}
	s.seen = append(s.seen, e)
}

// part returns what was recorded about a part of the source, or nil.
func (e *typeEntry) part(number uint32) *knownPart {
	if e == nil || number == 0 {
		return nil
	}
	for i := range e.Parts {
		if e.Parts[i].Number == number {
			return &e.Parts[i]
		}
	}
	return nil
}

// former reports whether another part of the source had the name of p before.
func (e *typeEntry) former(p part) bool {
	return e != nil && slices.ContainsFunc(e.Parts, func(k knownPart) bool {
		return k.Number != p.Number && slices.Contains(k.Former, p.Name)
	})
}

// equal reports whether two entries say the same, except when the source's type was read.
func (e *typeEntry) equal(o *typeEntry) bool {
	return o != nil && e.OID == o.OID && slices.EqualFunc(e.Parts, o.Parts, func(a, b knownPart) bool {
		return a.Number == b.Number && a.Place == b.Place && a.Name == b.Name && slices.Equal(a.Former, b.Former)
	})
}

// pairs returns for each part of the source the index of the target's, or -1. What was recorded is certain; a part that was not is
// the one that has its name.
func pairs(source, target []part, was *typeEntry) []int {
	of, taken := make([]int, len(source)), map[int]bool{}
	for i, p := range source {
		of[i] = -1
		if k := was.part(p.Number); k != nil {
			of[i] = slices.IndexFunc(target, func(f part) bool { return f.Number == k.Place })
		}
		taken[of[i]] = true
	}
	gone := func(f part) bool { // it stores what the source has dropped
		return was != nil && slices.ContainsFunc(was.Parts, func(k knownPart) bool { return k.Place == f.Number })
	}
	for i, p := range source {
		j := slices.IndexFunc(target, func(f part) bool { return f.Name == p.Name })
		if of[i] < 0 && j >= 0 && !taken[j] && !gone(target[j]) {
			of[i] = j
			taken[j] = true
		}
	}
	return of
}

// gap is a run of parts between those that both sides have: source[from:to], and the free parts of the target.
type gap struct {
	from, to int
	free     []int
	last     bool // no common part comes after it
}

// gaps calls f for each gap that has parts on both sides. f may pair them.
func gaps(source, target []part, of []int, f func(gap)) {
	from, after := 0, 0
	for i := 0; i <= len(source); i++ {
		end := len(target)
		if i < len(source) {
			if end = of[i]; end < 0 {
				continue
			}
		}
		g := gap{from: from, to: i, last: i == len(source)}
		for j := min(after, end); j < end; j++ {
			if !slices.Contains(of, j) {
				g.free = append(g.free, j)
			}
		}
		if g.from < g.to && len(g.free) > 0 {
			f(g)
		}
		from, after = i+1, end+1
	}
}

// partNames are the names of a type's parts in the target, while statements rename them.
type partNames struct {
	s     *types
	alter string // ALTER TYPE ... RENAME
	quote func(string) string
	names []string
}

func (s *types) partNames(alter string, quoteName func(string) string, target []part) *partNames {
	n := &partNames{s: s, alter: alter, quote: quoteName}
	for _, f := range target {
		n.names = append(n.names, f.Name)
	}
	return n
}

// rename renames the parts with the indexes in to, each when its new name is free.
func (n *partNames) rename(to map[int]string, reason func(j int) string) {
	left := slices.Sorted(maps.Keys(to))
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(j int) bool { return !slices.Contains(n.names, to[j]) })
		if i >= 0 {
			n.move(left[i], to[left[i]], reason(left[i]))
			left = slices.Delete(left, i, i+1)
			continue
		}
		switch holder := slices.Index(n.names, to[left[0]]); {
		case slices.Contains(left, holder): // they exchange names
			n.move(left[0], n.unused("tailrace"), reason(left[0]))
		default:
			n.move(holder, n.unused(n.names[holder]+"_own"), n.names[holder]+" is none of the source's")
		}
	}
}

func (n *partNames) move(j int, to, reason string) {
	n.s.alterByHand(reason, n.alter+" "+n.quote(n.names[j])+" TO "+n.quote(to))
	n.names[j] = to
}

// unused returns a name that no part has.
func (n *partNames) unused(name string) string {
	name = cut(name, maxName-4)
	for slices.Contains(n.names, name) {
		name += "_"
	}
	return name
}

// alterByHand adds a statement that an operator has to approve, after those that were added before it.
func (s *types) alterByHand(reason, sql string) {
	if slices.ContainsFunc(s.manual, func(m step) bool { return m.sql == sql }) {
		return
	}
	if slices.ContainsFunc(s.manual, func(m step) bool { return m.reason == reason }) {
		reason = "" // an intermediate step
	}
	s.manual = append(s.manual, step{sql: sql, reason: reason, manual: true, part: true})
}

// thenVerify ends a fix after which older rows of any table that has the type may differ from the source's.
func (s *types) thenVerify() {
	m := &s.manual[len(s.manual)-1]
	m.sql = terminated(strings.TrimSuffix(m.sql, ";")) + verifyAll
}

const verifyAll = " -- then, when the pipeline is streaming and has caught up: tailrace verify -repair FILE"
