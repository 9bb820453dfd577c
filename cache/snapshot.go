package cache

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/cache/protocol"
)

// snapshot is what pg_current_snapshot() returns.
type snapshot struct {
	xmin, xmax protocol.XID
	inProgress []protocol.XID
}

// parseSnapshot reads "xmin:xmax:xid,xid".
func parseSnapshot(text string) (s snapshot, err error) {
	fields := strings.Split(text, ":")
	if len(fields) != 3 {
		return s, fmt.Errorf("not a snapshot: %q", text)
	}
	if s.xmin, err = parseXID(fields[0]); err != nil {
		return s, err
	}
	if s.xmax, err = parseXID(fields[1]); err != nil || fields[2] == "" {
		return s, err
	}
	for x := range strings.SplitSeq(fields[2], ",") {
		xid, err := parseXID(x)
		if err != nil {
			return s, err
		}
		s.inProgress = append(s.inProgress, xid)
	}
	return s, nil
}

func parseXID(text string) (protocol.XID, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	return protocol.XID(n), err
}

// shows reports whether the snapshot shows a top-level transaction that has committed.
func (s snapshot) shows(xid protocol.XID) bool {
	return xid < s.xmin || xid < s.xmax && !slices.Contains(s.inProgress, xid)
}

// showsSection reports whether the snapshot shows every commit of a tombstone.
func (s snapshot) showsSection(t protocol.Section) bool {
	for _, xid := range t.XIDs {
		if !s.shows(xid) {
			return false
		}
	}
	return t.Overflow == 0 || t.Overflow < s.xmin
}
