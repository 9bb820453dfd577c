package pipeline

import (
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
)

// Without faults: transactions, small, big and cut, and stretches of the log without any reach both sinks in order and are
// confirmed.
func TestLane(t *testing.T) {
	run(t, func(_ *testing.T, r *rig) {
		r.script.Commit(1, 2)
		r.start()
		r.script.Commit(1)
		r.script.Add(capturetest.Transaction{Keys: []int{3, 4, 5, 3, 3}, Cuts: []int{2, 3}})
		r.script.Idle(100)
		r.script.Commit(2)
		r.script.Add(capturetest.Transaction{Keys: []int{1, 2}, Joined: true})
		r.waitDurable()
		r.complete()
	}, newStore(), transactional())
}
