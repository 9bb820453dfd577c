package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/testenv/folder"
	"github.com/tailrace/tailrace/internal/testenv/install"
)

// KafkaVersion is the protocol version that clients may use with the servers of this package.
var KafkaVersion = sarama.V4_1_0_0

// KafkaServer is a running Kafka cluster, without ZooKeeper, without topics and without automatic creation of topics.
// Its methods apply to all nodes; Nodes has them one by one. They may be called from any goroutine, but only one may stop
// or start a node at a time.
type KafkaServer struct {
	Nodes  []*KafkaNode
	CAFile string // certificate of the authority that signed the nodes', in PEM; "" without SSL

	properties []string // lines of server.properties that options add
	user       string   // "" without SASL
	password   string
	ssl        bool
	proxied    bool
	size       int
	java       []string // Java flags of all nodes
	jars       string
	template   string
	cluster    string
	dir        string
	keyStore   string
}

// Kafka starts a cluster (of one node, unless Nodes says otherwise) that ends with the test.
func Kafka(t testing.TB, options ...KafkaOption) *KafkaServer {
	t.Helper()
	s, err := StartKafka(options...)
	if err != nil {
		t.Fatalf("testenv: %v\n(`make test-deps` installs what tests need)", err)
	}
	t.Cleanup(s.Close)
	return s
}

// StartKafka starts a cluster for a program other than a test. The caller closes it.
func StartKafka(options ...KafkaOption) (*KafkaServer, error) {
	jars, err := install.KafkaJars()
	if err != nil {
		return nil, err
	}
	template, err := kafkaTemplate(jars)
	if err != nil {
		return nil, err
	}
	s := &KafkaServer{jars: jars, template: template, size: 1}
	s.java = []string{"-XX:SharedArchiveFile=" + filepath.Join(template, "classes.jsa")}
	for _, option := range options {
		option(s)
	}
	err = s.setUp(s.size)
	if err == nil {
		err = s.Start()
	}
	if err == nil && s.user != "" {
		err = s.addUser()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// setUp creates the folders and takes the ports of n nodes.
func (s *KafkaServer) setUp(n int) (err error) {
	if s.dir, err = folder.New("kafka"); err != nil {
		return err
	}
	s.cluster = uuid()
	if s.ssl {
		if err := s.makeKeyStore(); err != nil {
			return err
		}
	}
	for i := range n {
		node, err := newKafkaNode(s, i+1)
		s.Nodes = append(s.Nodes, node)
		if err != nil {
			return fmt.Errorf("set up Kafka node %d: %w", i+1, err)
		}
	}
	for _, node := range s.Nodes {
		if err := node.configure(); err != nil {
			return fmt.Errorf("configure Kafka node %d: %w", node.ID, err)
		}
	}
	return nil
}

// makeKeyStore writes the certificate that all nodes use, in the single file that Kafka expects.
func (s *KafkaServer) makeKeyStore() error {
	ca, pair, err := certificate(s.dir)
	if err != nil {
		return err
	}
	key, err1 := os.ReadFile(pair.keyFile)
	cert, err2 := os.ReadFile(pair.certFile)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	s.CAFile, s.keyStore = ca, filepath.Join(s.dir, "keystore.pem")
	return os.WriteFile(s.keyStore, append(key, cert...), 0o600)
}

// Start starts all nodes that are down and waits until each answers and knows all others.
func (s *KafkaServer) Start() error {
	for _, n := range s.Nodes {
		if err := n.launch(); err != nil {
			return err
		}
	}
	for _, n := range s.Nodes {
		if err := n.await(len(s.Nodes)); err != nil {
			return err
		}
	}
	return nil
}

// Stop asks all nodes to stop and waits until they are down.
func (s *KafkaServer) Stop() error { return s.each((*KafkaNode).Stop) }

// Kill kills all nodes at once, as kill -9 does.
func (s *KafkaServer) Kill() error { return s.each((*KafkaNode).Kill) }

// Pause stops all nodes' processes with SIGSTOP, until Continue.
func (s *KafkaServer) Pause() error { return s.each((*KafkaNode).Pause) }

// Continue resumes paused nodes.
func (s *KafkaServer) Continue() error { return s.each((*KafkaNode).Continue) }

// Restart is Stop and Start.
func (s *KafkaServer) Restart() error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.Start()
}

func (s *KafkaServer) each(f func(*KafkaNode) error) error {
	results := make(chan error)
	for _, n := range s.Nodes {
		go func() { results <- f(n) }()
	}
	var errs []error
	for range s.Nodes {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

// Close stops the cluster at once and removes its folder.
func (s *KafkaServer) Close() {
	for _, n := range s.Nodes {
		n.close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// Brokers returns the addresses for the clients under test: with SASL, SSL and the proxies, if requested.
func (s *KafkaServer) Brokers() []string {
	var addrs []string
	for _, n := range s.Nodes {
		addrs = append(addrs, n.clientAddr())
	}
	return addrs
}
