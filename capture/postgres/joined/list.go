package joined

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// joinStatus is what is known about a table that joined the publication.
type joinStatus uint8

const (
	joinOpen    joinStatus = iota // it is not known yet whether older rows are missing
	joinSettled                   // none are, or the operator has accepted it
	joinMissing                   // the stream lacks rows
)

// join is a table that joined the publication.
type join struct {
	bound  uint32 // the stream has all rows that were written by this transaction or a later one
	status joinStatus
}

// joinList lists tables that joined the publication, by OID.
type joinList struct {
	accepted uint64 // how often the operator has accepted the warning: of two lists the one with more acceptances counts
	tables   map[uint32]join
}

const joinsVersion = "1."

// String returns the list as sinks record it; "": there is nothing to record.
func (l *joinList) String() string {
	if l.accepted == 0 && len(l.tables) == 0 {
		return ""
	}
	var b []byte
	for _, oid := range slices.Sorted(maps.Keys(l.tables)) {
		t := l.tables[oid]
		b = binary.BigEndian.AppendUint32(b, oid)
		b = binary.BigEndian.AppendUint32(b, t.bound)
		b = append(b, byte(t.status))
	}
	return joinsVersion + strconv.FormatUint(l.accepted, 10) + "." + base64.RawStdEncoding.EncodeToString(b)
}

// parseJoins parses the output of String. For everything else, such as a record of an older version, the list is empty.
func parseJoins(text string) joinList {
	const size = 9
	empty := joinList{tables: map[uint32]join{}}
	text, known := strings.CutPrefix(text, joinsVersion)
	count, body, two := strings.Cut(text, ".")
	accepted, err := strconv.ParseUint(count, 10, 64)
	if !known || !two || err != nil {
		return empty
	}
	b, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil || len(b)%size != 0 {
		return empty
	}
	l := joinList{accepted: accepted, tables: map[uint32]join{}}
	for ; len(b) > 0; b = b[size:] {
		l.tables[binary.BigEndian.Uint32(b)] = join{bound: binary.BigEndian.Uint32(b[4:]), status: joinStatus(b[8])}
	}
	return l
}

func (l *joinList) clone() joinList {
	return joinList{accepted: l.accepted, tables: maps.Clone(l.tables)}
}

// merge adds another list. The one that was accepted more often counts alone. Of two entries of a table, one that is missing
// rows counts before one that is settled, and that before one that is open.
func (l *joinList) merge(o joinList) {
	switch {
	case o.accepted < l.accepted:
		return
	case o.accepted > l.accepted:
		*l = o.clone()
		return
	}
	for oid, t := range o.tables {
		if was, both := l.tables[oid]; !both || t.status > was.status {
			l.tables[oid] = t
		}
	}
}
