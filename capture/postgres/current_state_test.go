package postgres

import (
	"testing"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/joined"
	"github.com/tailrace/tailrace/capture/postgres/publication"
)

// An operator accepts warnings while a batch is in flight that the stream has read before: after Compare, the batch is recorded with the
// acceptances.
func TestABatchInFlightIsRecordedWithAnAcceptance(t *testing.T) {
	for _, state := range [][]byte{stateDone, statePending, nil} {
		c := &publication.Config{}
		tr := newTrees(c, zap.NewNop())
		s := &stream{trees: tr, joins: joined.NewWatch(c, zap.NewNop(), tr.leaf, withJoins), out: make(chan capture.Batch, 1)}
		tr.keep(&treeBase{roots: map[uint32]bool{1: true}})
		tr.ours = true
		asm := decode.NewAssembler(nil, decode.Options{State: state, Trees: tr})
		s.out <- asm.Take()

		base := treeBase{accepted: 1, roots: map[uint32]bool{1: true}, leaves: map[uint32]leafMark{2: {root: 1, file: 3, joined: 4}}}
		tr.learn(&capture.Record{State: withTrees(stateDone, base.String())})

		b, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := s.CurrentState(b.State)
		if state == nil {
			if got != nil {
				t.Errorf("a batch without a state is recorded with %s", got)
			}
			continue
		}
		if want := string(withTrees(state, base.String())); string(got) != want {
			t.Errorf("recorded is %s, not %s", got, want)
		}
	}
}
