package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// kafkaTools names the folder in the cache.
const kafkaTools = "kafka-tools-" + KafkaRelease

// KafkaTools returns the class path of Kafka's command-line tools, downloading their jar once. Their dependencies are among
// those of the servers.
func KafkaTools() (classPath string, err error) {
	jars, err := kafkaJars()
	if err != nil {
		return "", err
	}
	dir, err := cached(kafkaTools, fetchKafkaTools)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, kafkaTools+".jar") + ":" + jars, nil
}

func fetchKafkaTools(dir string) error {
	progress("fetch %s", kafkaTools)
	artifact := "org.apache.kafka:kafka-tools:" + KafkaRelease
	if err := maven(dir, kafkaPom, []string{"dependency:copy", "-Dartifact=" + artifact, "-DoutputDirectory=" + dir}); err != nil {
		return fmt.Errorf("fetch Kafka's tools: %w", err)
	}
	return openToAll(dir)
}

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
	classPath, err := KafkaTools()
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
