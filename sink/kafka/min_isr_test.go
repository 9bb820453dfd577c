package kafka_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/sink/kafka"
)

// Where the acknowledgement of one broker of several is enough, the check and one line of the log say so, and nothing is
// refused.
func TestOneReplicaIsEnough(t *testing.T) {
	c, _ := fake(t)
	name, err := config.ParseTemplate("ledger")
	if err != nil {
		t.Fatal(err)
	}
	set := &kafka.Settings{Brokers: c.ListenAddrs(), Topic: name, DeadLetter: "ledger"}
	core, seen := observer.New(zapcore.WarnLevel)
	s, err := set.Sink(pipeline(), "bus", zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	if lines := seen.TakeAll(); len(lines) != 1 || !strings.Contains(lines[0].Message, "min.insync.replicas is 1") {
		t.Errorf("log: %v", lines)
	}
	errs := set.Check(t.Context(), pipeline(), "bus")
	var w *capture.Warning
	if len(errs) != 1 || !errors.As(errs[0], &w) || capture.AsProblem(errs[0]) != nil {
		t.Fatalf("check: %v", errs)
	}
	for _, topic := range []string{"ledger", kafka.DefaultProgressTopic} {
		if !strings.Contains(w.Reason, topic) || !strings.Contains(w.Fix, "--entity-name '"+topic+"' --add-config min.insync.replicas=2") {
			t.Errorf("warning %+v does not name %s", w, topic)
		}
		raise(t, c.ListenAddrs(), topic)
	}
	if errs := set.Check(t.Context(), pipeline(), "bus"); len(errs) != 0 {
		t.Errorf("check of two replicas: %v", errs)
	}
}

// raise has two replicas of a topic acknowledge.
func raise(t *testing.T, brokers []string, topic string) {
	t.Helper()
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_7_0_0
	admin, err := sarama.NewClusterAdmin(brokers, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	two := "2"
	err = admin.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
		"min.insync.replicas": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &two},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
}
