package protocol_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/cache/protocol"
)

// TestMemoryOfTombstones measures the figures of docs/caching.md: what Redis needs per tombstone of a key of 20 bytes, with the entries
// of its tables for keys and for TTLs.
func TestMemoryOfTombstones(t *testing.T) {
	const keys = 12_000
	for _, x := range []struct {
		xids       int
		usage, all int64 // bytes at most
	}{{0, 144, 210}, {1, 160, 225}, {8, 272, 340}} {
		modes(t, func(r *rig) {
			before := r.usedMemory()
			for n := 0; n < keys; {
				var batch []protocol.Invalidation
				for ; len(batch) < 256 && n < keys; n++ {
					k := fmt.Sprintf("order:%014d", n)
					for xid := 1; xid <= x.xids; xid++ {
						batch = append(batch, protocol.Invalidation{Key: k, Commit: protocol.Commit{LSN: 1 << 40, XID: protocol.XID(xid)}})
					}
					if x.xids == 0 {
						batch = append(batch, protocol.Invalidation{Key: k, Commit: protocol.Commit{LSN: 1 << 40, XID: 1, Visible: true}})
					}
				}
				r.check(r.lib.Invalidate(r.Context(), r.client, r.owner, "w", epoch, batch), nil)
				r.owner.Watermark = "w"
			}
			all := (r.usedMemory() - before) / keys
			usage := r.client.MemoryUsage(r.Context(), protocol.Sidecar("order:00000000000000"), 0).Val()
			r.Logf("%d xids: MEMORY USAGE %d bytes, with all tables %d bytes", x.xids, usage, all)
			if usage > x.usage || all > x.all {
				r.Errorf("more than %d or %d bytes", x.usage, x.all)
			}
		})
	}
}

// usedMemory returns used_memory of INFO.
func (r *rig) usedMemory() int64 {
	r.Helper()
	info := r.client.Info(r.Context(), "memory").Val()
	_, rest, _ := strings.Cut(info, "used_memory:")
	text, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.Fatal(err)
	}
	return n
}
