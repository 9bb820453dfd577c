package tool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/tailrace/tailrace/internal/testenv/install"
)

// producerPerf are the settings of Kafka's producer: those of Debezium's producer, except for the shorter linger.
const producerPerf = `
bootstrap.servers=%s
acks=all
enable.idempotence=true
max.in.flight.requests.per.connection=5
batch.size=1048576
linger.ms=5
buffer.memory=134217728
compression.type=none
`

// producerPerf runs the program of Kafka's script kafka-producer-perf-test: as many records as the job has rows, each of the
// job's RecordBytes, into the job's first topic. The value comes from a file: with --record-size the tool draws each byte of
// each record from a generator, which for large records is most of its CPU.
func (p *Program) producerPerf(ctx context.Context) error {
	j := p.job
	if j.RecordBytes < 1 {
		return errors.New("the size of a record is not known")
	}
	classPath, err := install.KafkaTools()
	if err != nil {
		return err
	}
	payload, settings := filepath.Join(p.dir, "payload"), filepath.Join(p.dir, "producer.properties")
	if err := os.WriteFile(payload, bytes.Repeat([]byte("x"), j.RecordBytes), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(settings, fmt.Appendf(nil, producerPerf, j.From.Site.Brokers()), 0o600); err != nil {
		return err
	}
	topic := j.Topics()[:1]
	args := append(javaFlags[:len(javaFlags):len(javaFlags)], "-cp", classPath, "org.apache.kafka.tools.ProducerPerformance",
		"--topic", topic[0], "--num-records", strconv.Itoa(j.From.Rows), "--throughput", "-1",
		"--payload-file", payload, "--command-config", settings)
	p.cmd = exec.CommandContext(ctx, "java", args...)
	p.stop = syscall.SIGKILL
	p.progress = func() (float64, bool, error) {
		n, err := j.From.Site.Records(j.Sink.Partitions, topic)
		return float64(n), n >= int64(j.From.Rows), err
	}
	return nil
}
