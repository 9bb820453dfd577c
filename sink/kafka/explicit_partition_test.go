package kafka_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// made returns an event that a block has made of a change, for a partition; -1: the key determines it.
func made(op capture.Op, partition int32, data string) transform.Event {
	e := row(op, 1, 1, "")
	e.Topic, e.Type, e.HasKey, e.Key = "a", "Made", true, []byte("k")
	e.HasData, e.Data, e.Partition = true, []byte(data), partition+1
	return e
}

func TestPartitionThatABlockNames(t *testing.T) {
	c, s := one(t, "a") // with three partitions
	l := open(t, s)
	large := `"` + strings.Repeat("x", 40<<10) + `"`
	l.wait(l.mustWrite(made(capture.Insert, 2, "1"), made(capture.Insert, 0, "2"), made(capture.Insert, 1, large), made(capture.Truncate, 2, "4")))
	got := map[int32]string{}
	for _, r := range consumeFrom(t, c.ListenAddrs(), "a") {
		_, data, _ := strings.Cut(r.value, `"data":`)
		got[r.partition] += strings.Trim(data, `"`)[:1]
	}
	if d := cmp.Diff(map[int32]string{0: "2", 1: "x", 2: "14"}, got); d != "" {
		t.Errorf("by partition (- wanted, + got)\n%s", d)
	}
}

// TestATruncationThatABlockTakes is one event, in the partition of its key; a plain one goes to all partitions.
func TestATruncationThatABlockTakes(t *testing.T) {
	c, s := one(t, "a")
	l := open(t, s)
	plain := row(capture.Truncate, 0, 0, "")
	plain.Topic = "a"
	l.wait(l.mustWrite(made(capture.Truncate, -1, "1"), plain))
	if n := len(consumeFrom(t, c.ListenAddrs(), "a")); n != 4 {
		t.Errorf("%d records, want one and three", n)
	}
}

func TestPartitionThatTheTopicLacks(t *testing.T) {
	_, s := one(t, "a")
	_, err := open(t, s).write(made(capture.Insert, 2, "1"), made(capture.Insert, 3, "2"))
	var r *sink.Rejected
	if !errors.As(err, &r) || r.Reason != "no_partition" || !strings.Contains(err.Error(), "topic a has 3 partitions, and none with the number 3") {
		t.Errorf("%v", err)
	}
}
