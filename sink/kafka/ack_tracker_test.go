package kafka

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// A rejected event that was made at the end of its transaction ends its span before the spans that precede it. The position does not
// go back there.
func TestPositionsOfSpansOnlyGrow(t *testing.T) {
	at := func(seq uint64) capture.Position { return capture.Position{LSN: 16, Seq: seq} }
	s := ackTracker{list: []span{{end: at(3), closed: true}, {end: at(4), closed: true}, {end: at(1), closed: true}, {end: at(9)}}}
	if end, _, _, ok := s.advance(); !ok || end != at(4) {
		t.Errorf("advances to %s, %v", end, ok)
	}
	if _, _, _, ok := s.advance(); ok || len(s.list) != 1 {
		t.Errorf("%d spans are left", len(s.list))
	}
}
