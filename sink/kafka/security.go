package kafka

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// Login is SASL's.
type Login struct {
	Mechanism      string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	User, Password string
}

// clientConfig is sarama's configuration of each of our connections.
func clientConfig(o Options) (*sarama.Config, error) {
	c := sarama.NewConfig()
	c.ClientID = "tailrace"
	c.Version = sarama.V3_7_0_0 // the newest messages we use; a broker that knows less is asked with less
	c.Net.DialTimeout = 10 * time.Second
	c.Net.ReadTimeout = 15 * time.Second // more than a broker waits for its replicas
	c.Net.WriteTimeout = 15 * time.Second
	c.Net.KeepAlive = 15 * time.Second
	c.Net.MaxOpenRequests = flightMax
	if o.Login == nil {
		return c, nil
	}
	c.Net.SASL.Enable, c.Net.SASL.Handshake = true, true
	c.Net.SASL.Mechanism = sarama.SASLMechanism(o.Login.Mechanism)
	c.Net.SASL.User, c.Net.SASL.Password = o.Login.User, o.Login.Password
	switch o.Login.Mechanism {
	case sarama.SASLTypePlaintext:
	case sarama.SASLTypeSCRAMSHA256:
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: scram.SHA256} }
	case sarama.SASLTypeSCRAMSHA512:
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: scram.SHA512} }
	default:
		return nil, fmt.Errorf("SASL mechanism %q is unknown: there are PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512", o.Login.Mechanism)
	}
	return c, nil
}

// scramClient is one login, as sarama asks for it.
type scramClient struct {
	hash scram.HashGeneratorFcn
	*scram.ClientConversation
}

// Begin implements sarama.SCRAMClient.
func (s *scramClient) Begin(user, password, authzID string) error {
	c, err := s.hash.NewClient(user, password, authzID)
	if err != nil {
		return err
	}
	s.ClientConversation = c.NewConversation()
	return nil
}
