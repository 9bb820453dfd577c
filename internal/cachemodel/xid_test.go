package cachemodel

import "testing"

// The stream's xids have 32 bits, and the source's snapshots have 64. The check has 4 bits instead of 32.
const (
	xidBits = 4
	xidSize = 1 << xidBits
)

// glue puts the upper bits of a polled xid in front of a streamed one.
func glue(polled, streamed int) int { return polled/xidSize*xidSize + streamed }

// widen returns the xid that is nearest to a polled one: by the signed distance.
func widen(polled, streamed int) int {
	distance := (streamed - polled%xidSize + xidSize) % xidSize
	if distance >= xidSize/2 {
		distance -= xidSize
	}
	return polled + distance
}

func TestModelWidensXIDs(t *testing.T) {
	var future, past int // glued xids that are never visible, and that always are
	for xid := 3; xid < 5*xidSize; xid++ {
		for polled := max(0, xid-xidSize/2+1); polled < xid+xidSize/2; polled++ {
			if got := widen(polled, xid%xidSize); got != xid {
				t.Errorf("widen(%d, %d) = %d, want %d", polled, xid%xidSize, got, xid)
			}
			switch glued := glue(polled, xid%xidSize); {
			case glued > xid:
				future++
			case glued < xid:
				past++
			}
		}
	}
	if future == 0 || past == 0 {
		t.Errorf("glued xids are never wrong (%d in the future, %d in the past): the check is too small", future, past)
	}
}
