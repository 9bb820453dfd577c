package install

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"
)

//go:embed kafka_pom.xml
var kafkaPom []byte

// KafkaRelease is the version of the servers. Change it with the versions in kafka_pom.xml and connect_pom.xml.
const KafkaRelease = "4.3.0"

// kafkaRelease names Kafka's folders in the cache.
const kafkaRelease = "kafka-" + KafkaRelease

// KafkaJars returns the class path of Kafka, downloading its jars once.
func KafkaJars() (string, error) {
	dir, err := Once(kafkaRelease, fetchKafka)
	if err != nil {
		return "", err
	}
	jars, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	return strings.Join(jars, ":"), err
}

func fetchKafka(dir string) error {
	Progress("fetch %s", kafkaRelease)
	if err := maven(dir, kafkaPom, []string{"dependency:copy-dependencies", "-DoutputDirectory=" + dir}); err != nil {
		return fmt.Errorf("fetch Kafka: %w", err)
	}
	return openToAll(dir)
}

// kafkaTools names the folder in the cache.
const kafkaTools = "kafka-tools-" + KafkaRelease

// KafkaTools returns the class path of Kafka's command-line tools, downloading their jar once. Their dependencies are among
// those of the servers.
func KafkaTools() (classPath string, err error) {
	jars, err := KafkaJars()
	if err != nil {
		return "", err
	}
	dir, err := Once(kafkaTools, fetchKafkaTools)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, kafkaTools+".jar") + ":" + jars, nil
}

func fetchKafkaTools(dir string) error {
	Progress("fetch %s", kafkaTools)
	artifact := "org.apache.kafka:kafka-tools:" + KafkaRelease
	if err := maven(dir, kafkaPom, []string{"dependency:copy", "-Dartifact=" + artifact, "-DoutputDirectory=" + dir}); err != nil {
		return fmt.Errorf("fetch Kafka's tools: %w", err)
	}
	return openToAll(dir)
}
