package kafka

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// tool is the beginning of a command in a fix: one of Kafka's scripts, and the broker that it asks. Where the cluster has a
// login or TLS, the operator adds --command-config.
func (c *cluster) tool(script string) string { return toolAt(script, c.seeds[0]) }

// toolAt is tool with brokers of one's choice.
func toolAt(script string, brokers ...string) string {
	return script + " --bootstrap-server " + capture.ShellWord(strings.Join(brokers, ","))
}

// setting is the command that changes a setting of a topic.
func (c *cluster) setting(topic, name, value string) string {
	return fmt.Sprintf("%s --alter --entity-type topics --entity-name '%s' --add-config %s=%s",
		c.tool("kafka-configs.sh"), topic, name, value)
}
