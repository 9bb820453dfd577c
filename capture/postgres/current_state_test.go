package postgres

import (
	"testing"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/joined"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/trees"
)

// An operator accepts warnings while a batch is in flight that the stream has read before: after Compare, the batch is recorded with the
// acceptances.
func TestABatchInFlightIsRecordedWithAnAcceptance(t *testing.T) {
	for _, state := range [][]byte{stateDone, statePending, nil} {
		c := &publication.Config{}
		tr := trees.NewWatch(c, zap.NewNop(), [][]byte{stateDone, statePending}, withTrees)
		s := &stream{trees: tr, joins: joined.NewWatch(c, zap.NewNop(), tr.Leaf, withJoins), out: make(chan capture.Batch, 1)}
		tr.Learn("1.0.AAAAAQAAAAA")
		asm := decode.NewAssembler(nil, decode.Options{State: state, Trees: tr})
		s.out <- asm.Take()

		const base = "1.1.AAAAAQAAAAEAAAACAAAAAwAAAAQ"
		tr.Learn(base)

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
		if want := string(withTrees(state, base)); string(got) != want {
			t.Errorf("recorded is %s, not %s", got, want)
		}
	}
}
