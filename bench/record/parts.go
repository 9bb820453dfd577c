package record

import (
	"cmp"
	"slices"
	"strings"
)

// part is a chapter of RESULTS.md.
type part struct {
	name    string
	cases   []string // in their order; others follow, by name
	columns string   // what is in them
}

// parts lists all chapters in their order.
var parts = []part{
	{
		"drain",
		[]string{"insert1000", "insert1", "change", "mix", "wide", "2kb", "toast", "huge"},
		"A backlog is read from a slot that stands before it. rows/s: over the whole drain, from when the walsender has the slot until " +
			"all rows are stored. Warm, next to rows/s or CPU: the same over the last 60 % of the rows. CPU us/row: the tool's, walsender " +
			"and broker: theirs. MB/s: of records in the topic, as they are stored, without compression. Peak MB: the tool's largest resident " +
			"size, with its binary's pages. Start s: from the process's start to the stream. " +
			"Tables that tell of drains before the first run were measured with a broker that these had warmed up. " +
			"Debezium runs in Connect standalone, tuned for throughput, with a heap of 2 GB, and into one partition unless -sinks asks for more. kafka-producer-perf-test is Kafka's own, with acks=all, " +
			"idempotence and batches of 1 MiB: it reads nothing, and writes as many records, of the mean size of tailrace's in the same table.",
	},
	{
		"latency",
		[]string{"100", "1000", "5000"},
		"p50 to max: milliseconds from the commit's return on the client to the record in a consumer. tx/s kept: what the writers reached. " +
			"CPU us/tx: the tool's, walsender: its. Peak MB: the tool's largest resident size until then.",
	},
	{
		"reader",
		[]string{"tcp", "tls", "unix"},
		"rows/s: from the first to the last. CPU us/row: the tool's, walsender: its. Waits, the tool's and the walsender's: how often a " +
			"thread went to sleep to be woken, for 1,000 rows. Delay: from the commit's time at the server to the decoded transaction.",
	},
	{
		"flat",
		[]string{"tables", "sinks", "memory", "start"},
		"Of tailrace alone, what is to stay the same is in the first column. CPU us/row: the tool's, over the whole and over the last 60 % " +
			"of the rows; walsender: its. Peak MB: the tool's largest resident size. Seconds: from the process's start until the sink holds the first row.",
	},
	{
		"replica",
		[]string{"insert1000", "insert1", "update", "delete", "latency"},
		"rows/s: until all rows are visible in the target, whose table is then compared; warm: over the last 60 % of the rows. CPU us/row: " +
			"of the tool's process, target's backend and walsender: theirs. Peak MB: the tool's largest resident size; of a subscription its worker's, " +
			"without what is shared. Start s: from the process's start to the stream.",
	},
	{
		"rules",
		[]string{"insert1000", "insert1"},
		"A backlog is drained as plain changes and, in turn, with two event blocks. rows/s: over the whole drain, until all events are " +
			"stored; warm: over the last 60 % of the rows. CPU us/row: of the tool's process, walsender: its. Peak MB: the tool's largest " +
			"resident size.",
	},
}

// chapter returns a part by name; a part that is not listed has no introduction.
func chapter(name string) (i int, p part) {
	if i = slices.IndexFunc(parts, func(p part) bool { return p.name == name }); i < 0 {
		return len(parts), part{name: name}
	}
	return i, parts[i]
}

// inOrder sorts reports in the order of RESULTS.md.
func inOrder(a, b *Report) int {
	i, p := chapter(a.Part)
	j, _ := chapter(b.Part)
	return cmp.Or(cmp.Compare(i, j), strings.Compare(a.Part, b.Part), cmp.Compare(p.rank(a.Case), p.rank(b.Case)),
		strings.Compare(a.Case, b.Case))
}

func (p part) rank(name string) int {
	if i := slices.Index(p.cases, name); i >= 0 {
		return i
	}
	return len(p.cases)
}
