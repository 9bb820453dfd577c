package kafkaconnect

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// Tool returns the beginning of a command in a fix: one of Kafka's scripts, and the broker that it connects to. Where the cluster has a
// login or TLS, the operator adds --command-config.
func (c *Cluster) Tool(script string) string { return ToolAt(script, c.Seeds[0]) }

// ToolAt is Tool with the given brokers.
func ToolAt(script string, brokers ...string) string {
	return script + " --bootstrap-server " + capture.ShellWord(strings.Join(brokers, ","))
}

// SetTopicConfig returns the command that changes a setting of a topic.
func (c *Cluster) SetTopicConfig(topic, name, value string) string {
	return fmt.Sprintf("%s --alter --entity-type topics --entity-name '%s' --add-config %s=%s",
		c.Tool("kafka-configs.sh"), topic, name, value)
}

// NotAuthorized returns the state for a missing ACL. The operation is written as kafka-acls.sh takes it, which has no underscores.
func (c *Cluster) NotAuthorized(resource, name, operation string, err error) *capture.Problem {
	flag := map[string]string{"Topic": "--topic", "TransactionalId": "--transactional-id", "Cluster": "--cluster"}[resource]
	if resource != "Cluster" {
		flag += fmt.Sprintf(" '%s'", name)
	}
	return &capture.Problem{
		State: "not_authorized", Usage: true,
		Reason: fmt.Sprintf("Kafka does not allow us to %s on %s %s", operation, resource, name),
		Fix:    fmt.Sprintf("%s --add --allow-principal User:... --operation %s %s", c.Tool("kafka-acls.sh"), operation, flag),
		Err:    err,
	}
}
