package tool

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/bench/site"
)

// producers are lines of Kafka Connect's file for its producer.
const producers = `
producer.acks=all
producer.enable.idempotence=true
producer.max.in.flight.requests.per.connection=5
producer.linger.ms=%d
producer.batch.size=1048576
producer.buffer.memory=134217728
producer.compression.type=%s
`

// connector is the configuration of Debezium, tuned. Its defaults are far slower.
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

func (p *Program) debezium(ctx context.Context) error {
	linger, poll, compression := 20, 50, "none" // ms
	if p.job.Lively {
		linger, poll = 0, 1
	}
	j, s := p.job, p.job.From.Site
	if j.Sink.Format == JSONSchemas {
		compression = "lz4" // most of the text repeats
	}
	err := p.connect(ctx, fmt.Sprintf(connector, j.Name, s.Postgres.Port, j.From.Name, site.Publication, poll),
		fmt.Sprintf(producers, linger, compression))
	if err != nil {
		return err
	}
	topics := j.Topics()
	p.progress = func() (float64, bool, error) {
		n, err := s.Records(j.Sink.Partitions, topics)
		return float64(n), n >= int64(j.From.Rows), err
	}
	return nil
}
