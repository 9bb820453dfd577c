package testenv

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/testenv/ports"
	"github.com/tailrace/tailrace/internal/testenv/process"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
)

// KafkaNode is one process of a cluster.
type KafkaNode struct {
	ID    int           // from 1
	Proxy *proxy.Server // between the clients and the node; nil unless Proxied

	server     *KafkaServer
	dir        string
	client     *ports.Port
	internal   *ports.Port
	controller *ports.Port
	process    *process.Process
}

// newKafkaNode takes the ports of a node and creates its folder. If it fails, the caller still closes what it returns.
func newKafkaNode(s *KafkaServer, id int) (n *KafkaNode, err error) {
	n = &KafkaNode{ID: id, server: s, dir: filepath.Join(s.dir, strconv.Itoa(id))}
	for _, p := range []**ports.Port{&n.client, &n.internal, &n.controller} {
		if *p, err = ports.Take(); err != nil {
			return n, err
		}
	}
	if s.proxied {
		if n.Proxy, err = proxy.Start(n.client.Addr()); err != nil {
			return n, err
		}
	}
	return n, os.MkdirAll(filepath.Join(n.dir, "data"), 0o755)
}

// configure writes server.properties and the formatted storage.
func (n *KafkaNode) configure() error {
	data := filepath.Join(n.dir, "data")
	meta := fmt.Sprintf("version=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n", n.server.cluster, n.ID, uuid())
	return errors.Join(
		os.WriteFile(n.propertiesFile(), []byte(strings.Join(n.properties(), "\n")+"\n"), 0o600),
		os.WriteFile(filepath.Join(data, "meta.properties"), []byte(meta), 0o644),
		copyFile(filepath.Join(n.server.template, "bootstrap.checkpoint"), filepath.Join(data, "bootstrap.checkpoint")),
	)
}

func (n *KafkaNode) properties() []string {
	s := n.server
	protocol := "PLAINTEXT"
	switch {
	case s.user != "" && s.ssl:
		protocol = "SASL_SSL"
	case s.user != "":
		protocol = "SASL_PLAINTEXT"
	case s.ssl:
		protocol = "SSL"
	}
	replicas := strconv.Itoa(min(3, len(s.Nodes)))
	lines := []string{
		"process.roles=broker,controller",
		"node.id=" + strconv.Itoa(n.ID),
		"controller.quorum.voters=" + s.voters(),
		"controller.listener.names=CONTROLLER",
		"inter.broker.listener.name=INTERNAL",
		"listeners=CLIENT://" + n.client.Addr() + ",INTERNAL://" + n.internal.Addr() + ",CONTROLLER://" + n.controller.Addr(),
		"advertised.listeners=CLIENT://" + n.clientAddr() + ",INTERNAL://" + n.internal.Addr(),
		"listener.security.protocol.map=CLIENT:" + protocol + ",INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"log.dirs=" + filepath.Join(n.dir, "data"),
		"auto.create.topics.enable=false",
		"broker.heartbeat.interval.ms=200",
		"broker.session.timeout.ms=2000", // a node that restarts is admitted again only after this
		"default.replication.factor=" + replicas,
		"group.initial.rebalance.delay.ms=0",
		"offsets.topic.num.partitions=2",
		"offsets.topic.replication.factor=" + replicas,
		"share.coordinator.state.topic.replication.factor=" + replicas,
		"transaction.state.log.min.isr=1",
		"transaction.state.log.num.partitions=2",
		"transaction.state.log.replication.factor=" + replicas,
	}
	if s.user != "" {
		plain := fmt.Sprintf("org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=%q;", s.user, s.password)
		scram := "org.apache.kafka.common.security.scram.ScramLoginModule required;"
		lines = append(lines,
			"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
			"listener.name.client.plain.sasl.jaas.config="+plain,
			"listener.name.client.scram-sha-256.sasl.jaas.config="+scram,
			"listener.name.client.scram-sha-512.sasl.jaas.config="+scram)
	}
	if s.ssl {
		lines = append(lines, "ssl.keystore.type=PEM", "ssl.keystore.location="+s.keyStore)
	}
	return append(lines, s.properties...)
}

// Start starts the node and waits until it answers.
func (n *KafkaNode) Start() error {
	if err := n.launch(); err != nil {
		return err
	}
	return n.await(1)
}

// launch starts the node's process, unless it runs.
func (n *KafkaNode) launch() (err error) {
	if n.process != nil && n.process.Running() {
		return nil
	}
	args := []string{
		"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true",
	}
	args = append(args, n.server.java...)
	n.process, err = javaProcess(n.Log(), append(args, "-cp", n.server.jars, "kafka.Kafka", n.propertiesFile())...)
	return err
}

// await waits until the node answers and knows at least so many brokers.
func (n *KafkaNode) await(brokers int) error {
	err := n.process.Await(func() error {
		b := sarama.NewBroker(n.internal.Addr())
		if err := b.Open(clientConfig()); err != nil {
			return err
		}
		defer b.Close()
		answer, err := b.GetMetadata(sarama.NewMetadataRequest(KafkaVersion, nil))
		if err == nil && len(answer.Brokers) < brokers {
			err = fmt.Errorf("%d of %d brokers are up", len(answer.Brokers), brokers)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("start Kafka node %d: %w\n%s", n.ID, err, process.LogTail(n.Log()))
	}
	return nil
}

// Stop asks the node to stop, which lets it hand over its partitions, and waits until it is down.
func (n *KafkaNode) Stop() error { return n.end(syscall.SIGTERM) }

// Kill kills the node at once, as kill -9 does.
func (n *KafkaNode) Kill() error { return n.end(syscall.SIGKILL) }

// Pause stops the node's process with SIGSTOP, until Continue.
func (n *KafkaNode) Pause() error { return n.process.Signal(syscall.SIGSTOP) }

// Continue resumes a paused node.
func (n *KafkaNode) Continue() error { return n.process.Signal(syscall.SIGCONT) }

func (n *KafkaNode) end(s syscall.Signal) error {
	if err := n.process.End(s); err != nil {
		return fmt.Errorf("stop Kafka node %d: %w", n.ID, err)
	}
	return nil
}

func (n *KafkaNode) close() {
	if n.process != nil {
		_ = n.Kill()
	}
	if n.Proxy != nil {
		n.Proxy.Close()
	}
	for _, p := range []*ports.Port{n.client, n.internal, n.controller} {
		if p != nil {
			p.Release()
		}
	}
}

// clientAddr returns the node's address for the clients under test.
func (n *KafkaNode) clientAddr() string {
	if n.Proxy != nil {
		return n.Proxy.Addr()
	}
	return n.client.Addr()
}

// Pid returns the node's process id; the previous one while the node is down.
func (n *KafkaNode) Pid() int { return n.process.Pid() }

// Log returns the path of the node's log.
func (n *KafkaNode) Log() string { return filepath.Join(n.dir, "log") }

func (n *KafkaNode) propertiesFile() string { return filepath.Join(n.dir, "server.properties") }

// voters returns the value of controller.quorum.voters.
func (s *KafkaServer) voters() string {
	var voters []string
	for _, n := range s.Nodes {
		voters = append(voters, strconv.Itoa(n.ID)+"@"+n.controller.Addr())
	}
	return strings.Join(voters, ",")
}

// uuid returns a new identifier in Kafka's format.
func uuid() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[0] &= 0x7f           // no leading "-", which would look like a flag
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// javaProcess starts a Java program. It dies by SIGKILL, because a process stopped by SIGSTOP handles no other signal.
func javaProcess(log string, args ...string) (*process.Process, error) {
	cmd := exec.Command("java", args...)
	cmd.Dir = filepath.Dir(log)
	return process.Start(cmd, log, syscall.SIGKILL)
}
