package target

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// keptAsText compares a column that stores enums or composite types as text. The source prints all of its rows in another way once a
// label was renamed, or an attribute added or dropped, and the stream carries none of that. tailrace.types has an entry for such a
// column.
func (d *drift) keptAsText(c *capture.Column) {
	parts := printed(c.Type, nil)
	if len(parts) == 0 || slices.ContainsFunc(parts, func(k knownPart) bool { return k.Number == 0 }) {
		return
	}
	name := asText(d.found.Schema, d.table.Name, c.Name)
	e := typeEntry{Schema: name.Schema, Type: name.Name, OID: c.Type.OID, Read: lastRead(c.Type), Parts: parts}
	for i := range d.types.known {
		was := &d.types.known[i]
		if was.Schema != e.Schema || was.Type != e.Type || was.OID != e.OID {
			continue
		}
		if e.Read.Before(was.Read) { // rows of an older shape come again
			return
		}
		if !was.printsAs(&e) {
			d.addManual("column "+c.Name+" has the values of "+c.Type.String()+" as text, and the source prints older ones in another way now",
				"DELETE FROM tailrace.types WHERE (target_schema, target_type) = ("+literal(e.Schema)+", "+literal(e.Type)+");"+
					d.verify(caughtUp))
		}
	}
	d.types.seen = append(d.types.seen, e)
}

// asText returns the place in tailrace.types of a column that stores the values of a user's type as text.
func asText(schema, table, column string) sought {
	return sought{Schema: schema, Name: table + "." + column}
}

// printsAs reports whether all values of an entry's time are printed as before: labels may have been added.
func (e *typeEntry) printsAs(now *typeEntry) bool {
	attributes := 0
	for _, k := range e.Parts {
		p := now.part(k.Number)
		if p == nil || p.Name != k.Name {
			return false
		}
		attributes += int(k.Place)
	}
	for _, k := range now.Parts {
		attributes -= int(k.Place)
	}
	return attributes == 0
}

// printed appends the parts that determine the text of a type's values: labels with their names, and attributes, with 1 as their
// place.
func printed(t *capture.Type, all []knownPart) []knownPart {
	if t.Elem != nil && (t.User == nil || t.User.Base == nil) {
		return printed(t.Elem, all)
	}
	if t.User == nil || t.User.Extension != "" {
		return all
	}
	switch t.User.Kind {
	case capture.UserEnum:
		for i, l := range t.User.Labels {
			k := knownPart{Name: l}
			if i < len(t.User.Numbers) {
				k.Number = t.User.Numbers[i]
			}
			all = append(all, k)
		}
	case capture.UserComposite:
		for _, f := range t.Fields {
			all = printed(f.Type, append(all, knownPart{Number: attributeNumber(t.OID, f.Number), Place: 1}))
		}
	default:
		if t.User.Base != nil {
			return printed(t.User.Base, all)
		}
	}
	return all
}

// attributeNumber returns a number that no attribute of another type has.
func attributeNumber(oid uint32, number int16) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(nil, oid), uint16(number)))
	return h.Sum32() | 1
}

// lastRead returns when the newest of the types that a type consists of was read.
func lastRead(t *capture.Type) (at time.Time) {
	newer := func(o *capture.Type) {
		if read := lastRead(o); read.After(at) {
			at = read
		}
	}
	if t.User != nil {
		if at = t.User.Read; t.User.Base != nil {
			newer(t.User.Base)
		}
	}
	if t.Elem != nil {
		newer(t.Elem)
	}
	for _, f := range t.Fields {
		newer(f.Type)
	}
	return at
}
