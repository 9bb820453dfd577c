package kafka

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// minISR is the setting that says how many replicas have to have what is acknowledged.
const minISR = "min.insync.replicas"

// oneReplicaAcks says whether one broker's acknowledgement is enough for the topic, although others have replicas of it.
func (t *topic) oneReplicaAcks(conf topicConfig) bool {
	return conf[minISR] == "1" && len(t.parts[0].replicas) > 1
}

// oneReplicaAcksWarning warns of topics for which one broker's acknowledgement is enough.
func oneReplicaAcksWarning(c *kafkaconnect.Cluster, topics ...string) *capture.Warning {
	fixes := make([]string, len(topics))
	for i, n := range topics {
		fixes[i] = c.SetTopicConfig(n, minISR, "2")
	}
	return &capture.Warning{
		Reason: fmt.Sprintf("%s is 1 for topic %s: what one broker has acknowledged while the others were away is lost with it",
			minISR, strings.Join(topics, ", ")),
		Fix: strings.Join(fixes, "\n"),
	}
}
