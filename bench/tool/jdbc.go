package tool

import (
	"context"
	"fmt"
)

// consumers are lines of Kafka Connect's file for its consumer: large requests, and as many rows per poll as the sink
// writes in one statement.
const consumers = `
consumer.max.poll.records=2000
consumer.max.partition.fetch.bytes=16777216
consumer.fetch.max.bytes=67108864
`

// jdbcSink is the configuration of Debezium's JDBC sink, tuned: one statement with arrays for many rows. Its defaults are slower.
const jdbcSink = `
name=%[1]s
connector.class=io.debezium.connector.jdbc.JdbcSinkConnector
tasks.max=1
topics=%[2]s
connection.url=jdbc:postgresql://%[3]s/%[4]s?sslmode=disable&reWriteBatchedInserts=true
connection.username=postgres
connection.password=postgres
insert.mode=upsert
delete.enabled=true
primary.key.mode=record_key
schema.evolution=none
collection.name.format=bench
batch.size=2000
dialect.postgres.unnest.insert.enabled=true
use.reduction.buffer=true
`

// jdbc writes the records of the topic Job.Feed into the table bench.
func (p *Program) jdbc(ctx context.Context) error {
	j := p.job
	p.progress = func() (float64, bool, error) { return 0, false, nil } // the rows are counted in the table
	return p.connect(ctx, fmt.Sprintf(jdbcSink, j.Name, j.Feed, j.Into.Site.Postgres.Addr(), j.Into.Name), consumers)
}
