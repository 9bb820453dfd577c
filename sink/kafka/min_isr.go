package kafka

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// minISR is the setting for how many in-sync replicas an acknowledgement requires.
const minISR = "min.insync.replicas"

// oneReplicaAcks reports whether the acknowledgement of one broker is enough for the topic, although it has more
// replicas.
func (t *topic) oneReplicaAcks(conf topicConfig) bool {
	return conf[minISR] == "1" && len(t.parts[0].replicas) > 1
}

// oneReplicaAcksWarning warns of topics for which the acknowledgement of one broker is enough.
func oneReplicaAcksWarning(c *kafkaconnect.Cluster, topics ...string) *capture.Warning {
	fixes := make([]string, len(topics))
	for i, n := range topics {
		fixes[i] = c.SetTopicConfig(n, minISR, "2")
	}
	return &capture.Warning{
		Reason: fmt.Sprintf("%s is 1 for topic %s: what one broker acknowledges while the others are down is lost with that broker",
			minISR, strings.Join(topics, ", ")),
		Fix: strings.Join(fixes, "\n"),
	}
}
