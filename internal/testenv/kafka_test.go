package testenv

import (
	"errors"
	"fmt"
	"testing"

	"github.com/IBM/sarama"
)

func TestKafkaKeepsItsRecords(t *testing.T) {
	needServers(t)
	s := Kafka(t)
	topic := NewTopic(t, s, 1)
	brokers := s.Brokers()
	for i, down := range []func() error{s.Kill, s.Stop} {
		produce(t, s, topic, fmt.Sprint(i))
		if err := errors.Join(down(), s.Start()); err != nil {
			t.Fatal(err)
		}
		if s.Brokers()[0] != brokers[0] {
			t.Fatalf("brokers %v after a start, before it %v", s.Brokers(), brokers)
		}
		if got := consume(t, s, topic, i+1); got[i] != fmt.Sprint(i) {
			t.Fatalf("records %q after stop %d", got, i)
		}
	}
}

// A test gets the shared cluster as the first one did, whatever the tests before it have done to the network or to the node.
func TestSharedProxiedKafkaRecovers(t *testing.T) {
	needServers(t)
	var first, second *KafkaServer
	t.Run("network", func(t *testing.T) {
		first = SharedProxiedKafka(t)
		first.Nodes[0].Proxy.Down()
	})
	t.Run("node", func(t *testing.T) {
		second = SharedProxiedKafka(t)
		if second != first {
			t.Error("another cluster, although the first one runs")
		}
		reach(t, second)
		if err := second.Kill(); err != nil {
			t.Fatal(err)
		}
	})
	reach(t, SharedProxiedKafka(t))
}

// reach connects through the proxy.
func reach(t *testing.T, s *KafkaServer) {
	t.Helper()
	client, err := sarama.NewClient(s.Brokers(), clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
}

func produce(t *testing.T, s *KafkaServer, topic, value string) {
	t.Helper()
	p, err := sarama.NewSyncProducerFromClient(s.Client(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)}); err != nil {
		t.Fatal(err)
	}
}

// consume returns the first n records of a topic's partition 0.
func consume(t *testing.T, s *KafkaServer, topic string, n int) (values []string) {
	t.Helper()
	c, err := sarama.NewConsumerFromClient(s.Client(t))
	if err != nil {
		t.Fatal(err)
	}
	partition, err := c.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer partition.Close()
	for range n {
		values = append(values, string((<-partition.Messages()).Value))
	}
	return values
}
