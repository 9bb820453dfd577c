package topics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
)

// maxOfflineNamed is how many partitions without a leader a reason names.
const maxOfflineNamed = 5

// Offline returns the state of the partitions that have no leader; nil when all have one. They can neither be fenced
// nor written to until one of their brokers is back.
func Offline(c *kafkaconnect.Cluster, partitions []Partition) error {
	var names []string
	var brokers []int32
	for _, p := range partitions {
		if p.Leader < 0 {
			names = append(names, fmt.Sprintf("%s/%d", p.Topic, p.ID))
			brokers = append(brokers, p.Replicas...)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	slices.Sort(brokers)
	more := ""
	if n := len(names) - maxOfflineNamed; n > 0 {
		names, more = names[:maxOfflineNamed], fmt.Sprintf(" and %d more", n)
	}
	// The first broker may be one of those that are down, so the command has all of them.
	fix := kafkaconnect.ToolAt("kafka-topics.sh", c.Seeds...) + " --describe --unavailable-partitions"
	if len(brokers) > 0 {
		which := strings.Trim(fmt.Sprint(slices.Compact(brokers)), "[]")
		fix = "start the brokers that have a replica: " + which + "\n" + fix
	}
	return &capture.Problem{
		State: "partition_offline", Reason: "no broker leads " + strings.Join(names, ", ") + more, Fix: fix,
	}
}

// Missing returns the state of a topic that has to be created.
func Missing(c *kafkaconnect.Cluster, name string, err error) *capture.Problem {
	return &capture.Problem{
		State: "topic_missing", Usage: true,
		Reason: fmt.Sprintf("topic %s does not exist", name),
		Fix: fmt.Sprintf("%s --create --topic '%s' --partitions ... --replication-factor ...\n"+
			"or name it in the sink's create_topics block", c.Tool("kafka-topics.sh"), name),
		Err: err,
	}
}

// invalid returns the state of a name that Kafka does not accept.
func invalid(name string, err error) *capture.Problem {
	return &capture.Problem{
		State: "topic_invalid", Halted: true, Usage: true,
		Reason: fmt.Sprintf("%q cannot be the name of a topic", name),
		Fix:    `give a topic with letters, digits, ".", "_" and "-" only, such as topic = "cdc.${replace(table.name, " ", "_")}"`,
		Err:    err,
	}
}
