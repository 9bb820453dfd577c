package testenv

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tailrace/tailrace/internal/testenv/process"
)

//go:embed kafka_pom.xml
var kafkaPom []byte

// KafkaRelease is the version of the servers. Change it with the versions in kafka_pom.xml and connect_pom.xml.
const KafkaRelease = "4.3.0"

// kafkaRelease names Kafka's folders in the cache.
const kafkaRelease = "kafka-" + KafkaRelease

// kafkaJars returns the class path of Kafka, downloading its jars once.
func kafkaJars() (string, error) {
	dir, err := cached(kafkaRelease, fetchKafka)
	if err != nil {
		return "", err
	}
	jars, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	return strings.Join(jars, ":"), err
}

func fetchKafka(dir string) error {
	progress("fetch %s", kafkaRelease)
	if err := maven(dir, kafkaPom, []string{"dependency:copy-dependencies", "-DoutputDirectory=" + dir}); err != nil {
		return fmt.Errorf("fetch Kafka: %w", err)
	}
	return openToAll(dir)
}

// kafkaTemplate returns the folder with the files that all nodes start with, created once: bootstrap.checkpoint, the result of
// formatting storage, and classes.jsa, an archive of Kafka's classes that halves the time to start.
func kafkaTemplate(jars string) (string, error) {
	return cached(kafkaRelease+"-template", func(dir string) error {
		progress("prepare %s", kafkaRelease)
		if err := formatKafka(jars, dir); err != nil {
			return err
		}
		s := &KafkaServer{jars: jars, template: dir, java: []string{"-XX:ArchiveClassesAtExit=" + filepath.Join(dir, "classes.jsa")}}
		defer s.Close()
		if err := s.setUp(1); err != nil {
			return err
		}
		if err := s.Start(); err != nil {
			return err
		}
		return s.Stop()
	})
}

// formatKafka creates a bootstrap.checkpoint in dir.
func formatKafka(jars, dir string) error {
	data := filepath.Join(dir, "format")
	properties := filepath.Join(dir, "format.properties")
	text := "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:9093\n" +
		"listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\ncontroller.listener.names=CONTROLLER\n" +
		"log.dirs=" + data + "\n"
	if err := os.WriteFile(properties, []byte(text), 0o644); err != nil {
		return fmt.Errorf("format Kafka storage: %w", err)
	}
	format := exec.Command("java", "-cp", jars, "kafka.tools.StorageTool", "format", "-t", uuid(), "-c", properties)
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format Kafka storage: %w\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(data, "bootstrap.checkpoint"), filepath.Join(dir, "bootstrap.checkpoint")); err != nil {
		return fmt.Errorf("format Kafka storage: %w", err)
	}
	return os.RemoveAll(data)
}

// javaProcess starts a Java program. It dies by SIGKILL, because a process stopped by SIGSTOP handles no other signal.
func javaProcess(log string, args ...string) (*process.Process, error) {
	cmd := exec.Command("java", args...)
	cmd.Dir = filepath.Dir(log)
	return process.Start(cmd, log, syscall.SIGKILL)
}
