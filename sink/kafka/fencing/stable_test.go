package fencing

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// A marker that was sent while leaders moved may have been lost: it is written again.
func TestMarkersWhileLeadersMove(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(3, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cluster, err := kafkaconnect.New(c.ListenAddrs(), nil, nil, 5)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	moves := []int32{1, 0}
	written := 0
	err = New(cluster, "tailrace.p.bus").fenceUntilStable(t.Context(), map[string][]int32{"ledger": {1}}, func() error {
		written++
		if len(moves) == 0 {
			return nil
		}
		to := moves[0]
		moves = moves[1:]
		return c.MoveTopicPartition("ledger", 1, to)
	})
	if err != nil || written != 3 {
		t.Errorf("written %d times, want 3: %v", written, err)
	}
}
