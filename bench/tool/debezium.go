package tool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/internal/testenv"
)

// connectWorker is Kafka Connect's file. JSON without schemas is the cheapest that it has for the same content.
const connectWorker = `
bootstrap.servers=%s
listeners=http://%s
key.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false
offset.storage.file.filename=%s
plugin.path=%s
plugin.discovery=service_load
topic.creation.enable=false
producer.acks=all
producer.enable.idempotence=true
producer.max.in.flight.requests.per.connection=5
producer.linger.ms=%d
producer.batch.size=1048576
producer.buffer.memory=134217728
`

// connector is Debezium's file, tuned. Its defaults are far slower.
const connector = `
name=%[1]s
connector.class=io.debezium.connector.postgresql.PostgresConnector
tasks.max=1
database.hostname=127.0.0.1
database.port=%[2]d
database.user=postgres
database.password=postgres
database.dbname=%[3]s
database.sslmode=disable
plugin.name=pgoutput
slot.name=%[1]s
publication.name=%[4]s
publication.autocreate.mode=disabled
snapshot.mode=no_data
topic.prefix=%[1]s
tombstones.on.delete=false
max.batch.size=20480
max.queue.size=102400
poll.interval.ms=%[5]d
schema.refresh.mode=columns_diff_exclude_unchanged_toast
provide.transaction.metadata=false
extended.headers.enabled=false
statistic.metrics.enabled=false
heartbeat.interval.ms=0
`

// javaFlags are of Connect's process.
var javaFlags = []string{"-Xms2g", "-Xmx2g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"}

func (p *Program) debezium(ctx context.Context) error {
	classPath, plugins, err := testenv.ConnectJars()
	if err != nil {
		return err
	}
	listen, err := testenv.FreeAddress()
	if err != nil {
		return err
	}
	linger, poll := 20, 50 // ms
	if p.job.Lively {
		linger, poll = 0, 1
	}
	j, s := p.job, p.job.From.Site
	files := map[string]string{
		"worker":    fmt.Sprintf(connectWorker, s.Brokers(), listen, filepath.Join(p.dir, "offsets"), plugins, linger),
		"connector": fmt.Sprintf(connector, j.Name, s.Postgres.Port, j.From.Name, site.Publication, poll),
	}
	args := append(javaFlags[:len(javaFlags):len(javaFlags)], "-cp", classPath, "org.apache.kafka.connect.cli.ConnectStandalone")
	for _, name := range []string{"worker", "connector"} {
		file := filepath.Join(p.dir, name+".properties")
		if err := os.WriteFile(file, []byte(files[name]), 0o600); err != nil {
			return err
		}
		args = append(args, file)
	}
	p.cmd = exec.CommandContext(ctx, "java", args...)
	p.stop = syscall.SIGKILL // it takes its time to end, and has nothing that is kept
	topics := j.Topics()
	p.progress = func() (float64, bool, error) {
		n, err := s.Records(j.Sink.Partitions, topics)
		return float64(n), n >= int64(j.From.Rows), err
	}
	return nil
}
