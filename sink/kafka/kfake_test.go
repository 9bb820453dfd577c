package kafka_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestKfakeOpens(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := newSink(t, options(c.ListenAddrs(), "ledger"))
	w, p, err := s.Open(t.Context(), laneOf(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(p)
	w.Close()
}
