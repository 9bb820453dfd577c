package testenv

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"testing"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// scramClient is the SCRAM side of a sarama client.
type scramClient struct {
	*scram.ClientConversation
	hash scram.HashGeneratorFcn
}

func (c *scramClient) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClient(user, password, authzID)
	if err == nil {
		c.ClientConversation = client.NewConversation()
	}
	return err
}

func TestKafkaAsksForPasswordAndTLS(t *testing.T) {
	needServers(t)
	s := Kafka(t, SASL("alice", "secret"), SSL(), ACLs(), Proxied())
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	connect := func(mechanism sarama.SASLMechanism, password string) (sarama.Client, error) {
		c := clientConfig()
		c.Metadata.Retry.Max = 0
		c.Net.TLS.Enable, c.Net.TLS.Config = true, &tls.Config{RootCAs: roots}
		c.Net.SASL.Enable, c.Net.SASL.Mechanism = true, mechanism
		c.Net.SASL.User, c.Net.SASL.Password = "alice", password
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient {
			if mechanism == sarama.SASLTypeSCRAMSHA256 {
				return &scramClient{hash: scram.SHA256}
			}
			return &scramClient{hash: scram.SHA512}
		}
		return sarama.NewClient(s.Brokers(), c)
	}
	topic := NewTopic(t, s, 1)
	for _, mechanism := range []sarama.SASLMechanism{
		sarama.SASLTypePlaintext, sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512,
	} {
		client, err := connect(mechanism, "secret")
		if err != nil {
			t.Fatalf("%s: %v", mechanism, err)
		}
		if _, err := client.Partitions(topic); !errors.Is(err, sarama.ErrTopicAuthorizationFailed) {
			t.Errorf("%s: the topic answers with %v, want that it is not allowed", mechanism, err)
		}
		client.Close()
		if _, err := connect(mechanism, "wrong"); err == nil {
			t.Errorf("%s: got in with a wrong password", mechanism)
		}
	}
}

func TestKafkaClusterBehindProxies(t *testing.T) {
	needServers(t)
	s := Kafka(t, Nodes(3), Proxied(), Property("message.max.bytes", "4242"))
	topic := NewTopic(t, s, 1)
	client, err := sarama.NewClient(s.Brokers(), clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if n := len(client.Brokers()); n != 3 {
		t.Fatalf("%d brokers, want 3", n)
	}
	leader, err := client.Leader(topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	node := s.Nodes[leader.ID()-1]
	if leader.Addr() != node.Proxy.Addr() {
		t.Fatalf("the leader is at %s, want its proxy %s", leader.Addr(), node.Proxy.Addr())
	}
	if err := errors.Join(node.Pause(), node.Continue(), node.Kill()); err != nil {
		t.Fatal(err)
	}
	produce(t, s, topic, "led by another")
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	if got := consume(t, s, topic, 1); got[0] != "led by another" {
		t.Fatalf("got %q", got)
	}
}
