package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv/install"
)

// kafkaScripts maps the scripts of Kafka that KafkaScripts provides to the classes that they run.
var kafkaScripts = map[string]string{
	"kafka-acls.sh":    "org.apache.kafka.tools.AclCommand",
	"kafka-configs.sh": "kafka.admin.ConfigCommand",
	"kafka-topics.sh":  "org.apache.kafka.tools.TopicCommand",
}

// KafkaScripts returns a folder with scripts of Kafka that administer a cluster, for a shell's PATH. They are not the scripts
// of Kafka's own distribution, but run the same programs.
func KafkaScripts(t testing.TB) string {
	t.Helper()
	classPath, err := install.KafkaTools()
	if err != nil {
		t.Fatalf("testenv: %v", err)
	}
	dir := t.TempDir()
	for script, class := range kafkaScripts {
		text := fmt.Sprintf("#!/bin/sh\nexec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '%s' %s \"$@\"\n", classPath, class)
		if err := os.WriteFile(filepath.Join(dir, script), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
