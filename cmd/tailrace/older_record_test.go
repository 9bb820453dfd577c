package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Records of a version that named neither database, slot nor commit are upgraded once, with a line in the log; the standby that takes
// over finds what was written.
func TestRecordsOfOlderVersions(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, kind := range sinkKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := openPair(t, testenv.SharedPostgres(t, testenv.Newest), kind)
			p.start(0)
			p.exec("INSERT INTO t VALUES (1)")
			p.held(0)
			p.stop(0)
			p.makeOlder()
			if record := p.record(); strings.Contains(record, "database") {
				t.Fatalf("it is no older record: %s", record)
			}
			p.exec("INSERT INTO t VALUES (2)")
			p.both()
			p.exec("INSERT INTO t VALUES (3)")
			p.held(0)
			p.stop(0)
			p.exec("INSERT INTO t VALUES (4)")
			p.state(1, "streaming", pipeline.Active)
			p.held(1)
			p.stop(1)
			p.has("1 2 3 4")
			const line = "the record is of an older version: from now on it names the database, the slot and the last commit"
			if first, second := p.running[0].log.String(), p.running[1].log.String(); strings.Count(first, line) != 1 || strings.Contains(second, line) {
				t.Errorf("not once: %s\n%s\n%s", line, first, second)
			}
			if record := p.record(); !strings.Contains(record, p.database) || !strings.Contains(record, p.published) {
				t.Errorf("the record names neither the database nor the slot: %s", record)
			}
		})
	}
}

// record is the origin and the verdict in the sink's record.
func (p *pair) record() string {
	p.Helper()
	if p.target != "" {
		return p.targets.Query(p, p.target, "SELECT to_jsonb(p)->>'origin' || coalesce(to_jsonb(p)->>'verdict', '') FROM tailrace.progress p")
	}
	return string(p.progress().Value)
}

// progress is the newest record of the progress topic that is the pipeline's.
func (p *pair) progress() (newest *kgo.Record) {
	p.Helper()
	for _, m := range recordsIn(p.T, p.kafka, "tailrace.progress") {
		if strings.HasPrefix(string(m.Key), p.name+"/") {
			newest = m
		}
	}
	if newest == nil {
		p.Fatal("there is no progress record")
	}
	return newest
}

// makeOlder makes the sink's record one of an older version.
func (p *pair) makeOlder() {
	p.Helper()
	if p.target != "" {
		p.targets.ExecIn(p, p.target, `ALTER TABLE tailrace.progress DROP COLUMN commit_lsn, DROP COLUMN commit_xid,
			DROP COLUMN commit_time, DROP COLUMN verdict`, "UPDATE tailrace.progress SET origin = origin - 'database' - 'slot'")
		return
	}
	m := p.progress()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(m.Value, &fields); err != nil {
		p.Fatal(err)
	}
	for _, name := range []string{"database", "slot", "commit"} {
		if fields[name] == nil {
			p.Fatalf("the record has no %s: %s", name, m.Value)
		}
		delete(fields, name)
	}
	value, err := json.Marshal(fields)
	if err != nil {
		p.Fatal(err)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(p.kafka.Direct()...))
	if err != nil {
		p.Fatal(err)
	}
	defer c.Close()
	if err := c.ProduceSync(p.Context(), &kgo.Record{Topic: m.Topic, Key: m.Key, Value: value}).FirstErr(); err != nil {
		p.Fatal(err)
	}
}
