package kafkaconnect

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/hashicorp/hcl/v2"
	"github.com/xdg-go/scram"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/tlsconfig"
)

// TLSSettings is a tls block.
type TLSSettings = tlsconfig.Settings

// Login is a SASL login.
type Login struct {
	Mechanism      string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	User, Password string
}

// SASLSettings is a sasl block.
type SASLSettings struct {
	// `"PLAIN"`, `"SCRAM-SHA-256"` or `"SCRAM-SHA-512"`.
	Mechanism string `hcl:"mechanism"`
	// Name of the Kafka user.
	User string `hcl:"username"`
	// Read together with the files.
	Password config.Secret `hcl:"password"`
}

// Login returns the login of the block, nil without a block.
func (s *SASLSettings) Login() *Login {
	if s == nil {
		return nil
	}
	return &Login{s.Mechanism, s.User, string(s.Password)}
}

// CheckSettings implements config.Checker.
func (s *SASLSettings) CheckSettings(at config.Positions) hcl.Diagnostics {
	switch s.Mechanism {
	case sarama.SASLTypePlaintext, sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512:
		return nil
	}
	r := at.At("mechanism")
	return hcl.Diagnostics{{
		Severity: hcl.DiagError, Summary: "mechanism is unknown", Detail: "Valid mechanisms: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512.", Subject: &r,
	}}
}

// clientConfig returns sarama's configuration of our connections.
func clientConfig(login *Login, maxOpenRequests int) (*sarama.Config, error) {
	c := sarama.NewConfig()
	c.ClientID = "tailrace"
	c.Version = sarama.V3_7_0_0 // the newest messages we use; a broker that knows less is asked with less
	c.Net.DialTimeout = 10 * time.Second
	c.Net.ReadTimeout = 15 * time.Second // more than a broker waits for its replicas
	c.Net.WriteTimeout = 15 * time.Second
	c.Net.KeepAlive = 15 * time.Second
	c.Net.MaxOpenRequests = maxOpenRequests
	if login == nil {
		return c, nil
	}
	c.Net.SASL.Enable, c.Net.SASL.Handshake = true, true
	c.Net.SASL.Mechanism = sarama.SASLMechanism(login.Mechanism)
	c.Net.SASL.User, c.Net.SASL.Password = login.User, login.Password
	switch login.Mechanism {
	case sarama.SASLTypePlaintext:
	case sarama.SASLTypeSCRAMSHA256:
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: scram.SHA256} }
	case sarama.SASLTypeSCRAMSHA512:
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: scram.SHA512} }
	default:
		return nil, fmt.Errorf("SASL mechanism %q is unknown; valid mechanisms: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", login.Mechanism)
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
