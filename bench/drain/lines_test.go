package drain

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/tool"
)

// Each shape has only the lines that are meaningful for it; the broker's limit follows the tools that it is compared with.
func TestLines(t *testing.T) {
	const none, main, limit = "tailrace into nothing", "tailrace into Kafka, 1 partition, json", "kafka-producer-perf-test into Kafka, 1 partition"
	const dbz, recv = "debezium into Kafka, 1 partition, json", "pg_recvlogical into /dev/null"
	for _, c := range []struct {
		shape, args string
		want        []string
	}{
		{"toast", "", []string{none, main, dbz, limit, recv}},
		{"change", "", []string{none, main, dbz, recv}},
		{"huge", "", []string{none, main, recv}},
		{"huge", "-sinks kafka1-json", []string{main, recv}},
		{"wide", "-sinks kafka12-json -tools debezium", []string{"debezium into Kafka, 12 partitions, json"}},
		{"insert1", "-tools debezium,producer-perf", []string{dbz, limit}},
		{"toast", "-sinks none", []string{none, recv}},
		{"wide", "-sinks kafka1-json -tools tailrace,producer-perf", []string{main, limit}},
		{"2kb", "-sinks kafka12-json,kafka1-json -tools producer-perf", []string{limit}},
	} {
		var o Options
		u, f := &rig.Setup{}, flag.NewFlagSet("", flag.ContinueOnError)
		u.Flags(f)
		o.Flags(f)
		if err := f.Parse(strings.Fields(c.args)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range o.lines(shapes[slices.IndexFunc(shapes, func(s shape) bool { return s.name == c.shape })], &u.Tools) {
			got = append(got, l.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %q, want %q", c.shape, c.args, got, c.want)
		}
	}
}

// Records of kafka-producer-perf-test have the size of tailrace's records, and the note compares warm with warm where it can.
func TestProducerPerf(t *testing.T) {
	for _, c := range []struct {
		ours, perf map[string]float64
		note       string
	}{
		{map[string]float64{"mb_s": 90, "warm_mb_s": 100}, map[string]float64{"mb_s": 100, "warm_mb_s": 200}, "0.50 of the MB/s of kafka-producer-perf-test, warm."},
		{map[string]float64{"mb_s": 90}, map[string]float64{"mb_s": 100, "warm_mb_s": 200}, "0.90 of the MB/s of kafka-producer-perf-test."},
		{map[string]float64{"mb_s": 90}, nil, ""},
	} {
		table := &record.Report{}
		table.Line(ours.String()).Add(c.ours, nil)
		table.Line(perf.String()).Add(c.perf, nil)
		compare(table)
		if got := strings.Join(table.Notes, ""); c.note == "" && got != "" || !strings.HasSuffix(got, c.note) {
			t.Errorf("with %v and %v the note is %q", c.ours, c.perf, got)
		}
	}
	table := &record.Report{}
	table.Line(line{tool.Tailrace, mainSink}.String()).Add(map[string]float64{"record_bytes": 2048.4}, nil)
	got, err := (&contest{table: table}).recordBytes(t.Context())
	if err != nil || got != 2038 {
		t.Errorf("a value has %d bytes, %v", got, err)
	}
}
