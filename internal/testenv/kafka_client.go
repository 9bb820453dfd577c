package testenv

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// Direct returns the addresses for the test itself: without security or proxy, whatever the options.
func (s *KafkaServer) Direct() []string {
	var addrs []string
	for _, n := range s.Nodes {
		addrs = append(addrs, n.internal.Addr())
	}
	return addrs
}

// clientConfig returns the configuration of the test's own clients, on Direct addresses.
func clientConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = KafkaVersion
	c.Metadata.Retry.Max = 100 // x 250 ms: until a new leader is elected or a node has restarted
	c.Producer.Retry.Max = 250 // x 100 ms
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	return c
}

// Client opens a client for the test's own use, on Direct addresses, that is closed with the test.
func (s *KafkaServer) Client(t testing.TB) sarama.Client {
	t.Helper()
	c, err := sarama.NewClient(s.Direct(), clientConfig())
	if err != nil {
		t.Fatalf("testenv: connect to Kafka: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Admin opens an admin client for the test's own use, on Direct addresses, that is closed with the test.
func (s *KafkaServer) Admin(t testing.TB) sarama.ClusterAdmin {
	t.Helper()
	a, err := sarama.NewClusterAdmin(s.Direct(), clientConfig())
	if err != nil {
		t.Fatalf("testenv: connect to Kafka: %v", err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// NewTopic creates a topic with a unique name, replicated to up to three nodes, and returns the name.
func NewTopic(t testing.TB, s *KafkaServer, partitions int32) string {
	t.Helper()
	name := fmt.Sprintf("test-%08x", mathrand.Uint32())
	s.CreateTopic(t, name, partitions, nil)
	return name
}

// CreateTopic creates a topic, replicated to up to three nodes, with settings such as "min.insync.replicas". It returns when all
// nodes know the topic.
func (s *KafkaServer) CreateTopic(t testing.TB, name string, partitions int32, settings map[string]string) {
	t.Helper()
	entries := map[string]*string{}
	for k, v := range settings {
		entries[k] = &v
	}
	err := s.Admin(t).CreateTopic(name, &sarama.TopicDetail{
		NumPartitions:     partitions,
		ReplicationFactor: int16(min(3, len(s.Nodes))),
		ConfigEntries:     entries,
	}, false)
	if err != nil {
		t.Fatalf("testenv: create topic %s: %v", name, err)
	}
	s.AwaitTopic(t, name)
}

// AwaitTopic waits until each running node knows a new topic and the leaders of its partitions, and until these
// leaders answer for them.
func (s *KafkaServer) AwaitTopic(t testing.TB, name string) {
	t.Helper()
	client := s.Client(t)
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		err := s.knowTopic(name)
		if err == nil {
			err = leadersAnswer(client, name)
		}
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("testenv: wait for topic %s: %v", name, err)
		}
	}
}

// knowTopic fails when a running node does not know a topic or one of its leaders.
func (s *KafkaServer) knowTopic(name string) error {
	for _, n := range s.Nodes {
		if n.process == nil || !n.process.Running() {
			continue
		}
		m, err := n.metadata(name)
		if err != nil {
			return err
		}
		if len(m.Topics) != 1 || m.Topics[0].Err != sarama.ErrNoError || len(m.Topics[0].Partitions) == 0 {
			return fmt.Errorf("node %d does not know it", n.ID)
		}
		for _, p := range m.Topics[0].Partitions {
			if p.Leader < 0 {
				return fmt.Errorf("node %d knows no leader of partition %d", n.ID, p.ID)
			}
		}
	}
	return nil
}

// metadata asks the node for the metadata of a topic.
func (n *KafkaNode) metadata(topic string) (*sarama.MetadataResponse, error) {
	b := sarama.NewBroker(n.internal.Addr())
	if err := b.Open(clientConfig()); err != nil {
		return nil, fmt.Errorf("connect to Kafka node %d: %w", n.ID, err)
	}
	defer b.Close()
	return b.GetMetadata(&sarama.MetadataRequest{Version: 10, Topics: []string{topic}})
}

// leadersAnswer fails when a leader does not answer for its partition yet.
func leadersAnswer(client sarama.Client, name string) error {
	ids, err := client.Partitions(name)
	for i := 0; err == nil && i < len(ids); i++ {
		_, err = client.GetOffset(name, ids[i], sarama.OffsetNewest)
	}
	if err != nil {
		return fmt.Errorf("ask the leaders: %w", err)
	}
	return nil
}

// DeleteTopic deletes a topic and returns when the cluster no longer knows it.
func (s *KafkaServer) DeleteTopic(t testing.TB, name string) {
	t.Helper()
	a := s.Admin(t)
	if err := a.DeleteTopic(name); err != nil {
		t.Fatalf("testenv: delete topic %s: %v", name, err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		m, err := a.DescribeTopics([]string{name})
		if err == nil && m[0].Err == sarama.ErrUnknownTopicOrPartition {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("testenv: topic %s is still there: %v", name, err)
		}
	}
}

// PurgeTopic deletes the records of a topic, as the topic's retention does. Its cleanup.policy must include delete.
func (s *KafkaServer) PurgeTopic(t testing.TB, name string) {
	t.Helper()
	client := s.Client(t)
	ids, err := client.Partitions(name)
	ends := map[int32]int64{}
	for i := 0; err == nil && i < len(ids); i++ {
		ends[ids[i]], err = client.GetOffset(name, ids[i], sarama.OffsetNewest)
	}
	if err == nil {
		err = s.Admin(t).DeleteRecords(name, ends)
	}
	if err != nil {
		t.Fatalf("testenv: purge topic %s: %v", name, err)
	}
}

// addUser creates the SASL user's SCRAM credentials. Those for PLAIN are in server.properties.
func (s *KafkaServer) addUser() error {
	a, err := sarama.NewClusterAdmin(s.Direct(), clientConfig())
	if err != nil {
		return fmt.Errorf("add Kafka user: %w", err)
	}
	defer a.Close()
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	for _, mechanism := range []sarama.ScramMechanismType{sarama.SCRAM_MECHANISM_SHA_256, sarama.SCRAM_MECHANISM_SHA_512} {
		results, err := a.UpsertUserScramCredentials([]sarama.AlterUserScramCredentialsUpsert{{ // Kafka takes one per user
			Name: s.user, Mechanism: mechanism, Iterations: 4096, Salt: salt, Password: []byte(s.password),
		}})
		if err == nil && results[0].ErrorCode != sarama.ErrNoError {
			err = results[0].ErrorCode
		}
		if err != nil {
			return fmt.Errorf("add Kafka user %s: %w", s.user, err)
		}
	}
	return nil
}
