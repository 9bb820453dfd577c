package kafka

import (
	"regexp"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/fencing"
	"github.com/tailrace/tailrace/sink/kafka/progress"
	"github.com/tailrace/tailrace/sink/kafka/topics"
	"github.com/tailrace/tailrace/sink/kafka/wire"
)

// Every command of Kafka's in a fix names the broker that it connects to: without that the scripts do nothing.
func TestFixesNameABroker(t *testing.T) {
	c := &kafkaconnect.Cluster{Seeds: []string{"one:9092", "[::2]:9092"}}
	w := &Writer{sink: &Sink{cluster: c}, fence: fencing.New(c, "tailrace.p.bus")}
	part := newPartition(&topic{name: "orders"}, 0)
	refusal := func(e sarama.KError) error { return w.refusal(part, wire.Answer{Err: e}) }
	fix := func(err error) string {
		if p := capture.AsProblem(err); p != nil {
			return p.Fix
		}
		return ""
	}
	const first, all = "one:9092", "'one:9092,[::2]:9092'"
	for name, test := range map[string]struct{ fix, script, broker string }{
		"an ACL":                        {fix(c.NotAuthorized("Topic", "orders", "WRITE", nil)), "kafka-acls.sh", first},
		"refused: a topic's ACL":        {fix(refusal(sarama.ErrTopicAuthorizationFailed)), "kafka-acls.sh", first},
		"refused: the cluster's ACL":    {fix(refusal(sarama.ErrClusterAuthorizationFailed)), "kafka-acls.sh", first},
		"refused: a transactional id's": {fix(refusal(sarama.ErrTransactionalIDAuthorizationFailed)), "kafka-acls.sh", first},
		"refused: a record":             {fix(refusal(sarama.ErrInvalidRecord)), "kafka-configs.sh", first},
		"a missing topic":               {fix(topics.Missing(c, "orders", nil)), "kafka-topics.sh", first},
		"a topic of one replica":        {topics.OneReplicaAcksWarning(c, "orders", "items").Fix, "kafka-configs.sh", first},
		"a progress topic that deletes": {progress.Expires(c, "orders", "delete").Fix, "kafka-configs.sh", first},
		"a partition without a leader":  {fix(leaderless(c, []*partition{part})), "kafka-topics.sh", all},
	} {
		commands := regexp.MustCompile(`kafka-[a-z]+\.sh.*`).FindAllString(test.fix, -1)
		if len(commands) == 0 {
			t.Errorf("%s: no command in %q", name, test.fix)
		}
		for _, command := range commands {
			if !strings.HasPrefix(command, test.script+" --bootstrap-server "+test.broker+" --") {
				t.Errorf("%s: %s", name, command)
			}
		}
	}
}
