package kafka

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// insync is the setting that says how many replicas have to have what is acknowledged.
const insync = "min.insync.replicas"

// alone says whether one broker's acknowledgement is enough for the topic, although others have replicas of it.
func (t *topic) alone(conf settings) bool {
	return conf[insync] == "1" && len(t.parts[0].replicas) > 1
}

// oneEnough warns of topics for which one broker's acknowledgement is enough.
func oneEnough(c *kafkaconnect.Cluster, topics ...string) *capture.Warning {
	fixes := make([]string, len(topics))
	for i, n := range topics {
		fixes[i] = c.SetTopicConfig(n, insync, "2")
	}
	return &capture.Warning{
		Reason: fmt.Sprintf("%s is 1 for topic %s: what one broker has acknowledged while the others were away is lost with it",
			insync, strings.Join(topics, ", ")),
		Fix: strings.Join(fixes, "\n"),
	}
}
