package joined

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// status is what is known about a table that joined the publication.
type status uint8

const (
	statusOpen    status = iota // it is not known yet whether older rows are missing
	statusSettled               // none are, or the operator has accepted it
	statusMissing               // the stream lacks rows
)

// entry is a table that joined the publication.
type entry struct {
	bound  uint32 // the stream has all rows that were written by this transaction or a later one
	status status
}

// tableList lists tables that joined the publication, by OID.
type tableList struct {
	accepted uint64 // how often the operator has accepted the warning: of two lists the one with more acceptances counts
	tables   map[uint32]entry
}

const listVersion = "1."

// String returns the list as sinks record it; "": there is nothing to record.
func (l *tableList) String() string {
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
	return listVersion + strconv.FormatUint(l.accepted, 10) + "." + base64.RawStdEncoding.EncodeToString(b)
}

// parseList parses the output of String. For everything else, such as a record of an older version, the list is empty.
func parseList(text string) tableList {
	const size = 9
	empty := tableList{tables: map[uint32]entry{}}
	text, known := strings.CutPrefix(text, listVersion)
	count, body, two := strings.Cut(text, ".")
	accepted, err := strconv.ParseUint(count, 10, 64)
	if !known || !two || err != nil {
		return empty
	}
	b, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil || len(b)%size != 0 {
		return empty
	}
	l := tableList{accepted: accepted, tables: map[uint32]entry{}}
	for ; len(b) > 0; b = b[size:] {
		l.tables[binary.BigEndian.Uint32(b)] = entry{bound: binary.BigEndian.Uint32(b[4:]), status: status(b[8])}
	}
	return l
}

func (l *tableList) clone() tableList {
	return tableList{accepted: l.accepted, tables: maps.Clone(l.tables)}
}

// merge adds another list. The one that was accepted more often counts alone. Of two entries of a table, one that is missing
// rows counts before one that is settled, and that before one that is open.
func (l *tableList) merge(o tableList) {
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
