package kafkaconnect

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/tailrace/tailrace/internal/testenv"
)

func TestCloseWaitsForConnections(t *testing.T) {
	server, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	c, err := New(server.ListenAddrs(), nil, nil, 5)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if _, err := c.Metadata(t.Context(), "ledger"); err != nil {
			t.Fatal(err)
		}
		if err := c.AskCoordinator(t.Context(), "tailrace.shop.bus", func(*Conn) error { return nil }); err != nil {
			t.Fatal(err)
		}
		c.Close()
		testenv.NoGoroutine(t, "sarama.(*Broker).responseReceiver")
		testenv.NoGoroutine(t, "sarama.(*Broker).Close")
	}
}
