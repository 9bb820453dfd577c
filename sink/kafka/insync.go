package kafka

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// insync is the setting that says how many replicas have to have what is acknowledged.
const insync = "min.insync.replicas"

// alone says whether one broker's acknowledgement is enough for the topic, although others have replicas of it.
func (t *topic) alone(settings map[string]string) bool {
	return settings[insync] == "1" && len(t.parts[0].replicas) > 1
}

// oneEnough warns of topics for which one broker's acknowledgement is enough.
func oneEnough(topics ...string) *capture.Warning {
	fixes := make([]string, len(topics))
	for i, n := range topics {
		fixes[i] = fmt.Sprintf("kafka-configs.sh --alter --entity-type topics --entity-name '%s' --add-config %s=2", n, insync)
	}
	return &capture.Warning{
		Reason: fmt.Sprintf("%s is 1 for topic %s: what one broker has acknowledged while the others were away is lost with it",
			insync, strings.Join(topics, ", ")),
		Fix: strings.Join(fixes, "\n"),
	}
}
