package capture

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
)

// Origin names where positions come from: a lane of a database of a cluster, and the timelines that the cluster has been on.
type Origin struct {
	System      uint64     `json:"system"`            // Postgres' system identifier
	Timeline    uint32     `json:"timeline"`          // the current one
	History     []Timeline `json:"history,omitempty"` // older ones, oldest first
	Publication string     `json:"publication"`       // what is published, in a form that only the source interprets
	Database    Database   `json:"database,omitzero"` // zero: a record of an older version
	Slot        string     `json:"slot,omitempty"`    // the name of the lane's slot; "": a record of an older version
}

// Database identifies a database of a cluster.
type Database struct {
	OID  uint32 `json:"oid"`
	Name string `json:"name"` // at the time of the record: a database may be renamed
}

// String returns the name with the OID.
func (d Database) String() string { return fmt.Sprintf("%s (OID %d)", d.Name, d.OID) }

// Same reports whether both are the same lane on the same timeline, with the same publication.
func (o Origin) Same(p Origin) bool {
	return o.System == p.System && o.Timeline == p.Timeline && o.Publication == p.Publication && o.Database == p.Database &&
		o.Slot == p.Slot
}

// Timeline is a timeline that has ended.
type Timeline struct {
	ID  uint32 `json:"id"`
	End LSN    `json:"end"` // where the next one began
}

// At returns the timeline that an LSN belongs to.
func (o Origin) At(l LSN) uint32 {
	for _, t := range o.History {
		if l < t.End {
			return t.ID
		}
	}
	return o.Timeline
}

// Branch returns where the history leaves a timeline, and whether it was ever on it.
func (o Origin) Branch(timeline uint32) (end LSN, on bool) {
	if timeline == o.Timeline {
		return ^LSN(0), true
	}
	for _, t := range o.History {
		if t.ID == timeline {
			return t.End, true
		}
	}
	return 0, false
}

// Epoch returns an identifier of the cluster and the timeline of l for ids, as 8 hex digits: the CRC-32 of both, so that
// two timelines of one cluster never share it.
func (o Origin) Epoch(l LSN) uint32 {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 12), o.System)
	return crc32.ChecksumIEEE(binary.BigEndian.AppendUint32(b, o.At(l)))
}

// Commit identifies a transaction by its commit. It lets a record distinguish a position that was reached by a commit from
// one that an idle source has moved to, and a restored source from the one that the sink knows.
type Commit struct {
	LSN  LSN       `json:"lsn"`           // where the commit record ends
	XID  uint64    `json:"xid,omitempty"` // including its wraps; 0: of a snapshot, or unknown
	Time time.Time `json:"time,omitzero"` // by the source's clock, in UTC, to the microsecond
}

// IsZero reports whether no commit is known.
func (c Commit) IsZero() bool { return c.LSN == 0 }
