package kafka_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

// What an older writer has sent and the network holds back arrives after its successor has opened: nothing of it is
// stored (I8), not even where the successor has written nothing yet.
func TestHeldUpZombie(t *testing.T) {
	needServers(t)
	server := testenv.Kafka(t, testenv.Proxied())
	topic := testenv.NewTopic(t, server, 12)
	o := options(server.Brokers(), topic)
	one := open(t, newSink(t, o))
	all := func(l *lane, version int) (capture.Position, error) {
		events := make([]transform.Event, 0, 40)
		for k := range 40 {
			events = append(events, row(capture.Update, k, version, pad(100)))
		}
		return l.write(events...)
	}
	end, err := all(one, 1)
	if err != nil {
		t.Fatal(err)
	}
	one.wait(end)
	server.Nodes[0].Proxy.Hold()
	for v := 2; v < 10; v++ {
		if _, err := all(one, v); err != nil {
			t.Fatal(err)
		}
	}
	o.Brokers = server.Direct()
	two := open(t, newSink(t, o))
	if two.progress.Position != end {
		t.Fatalf("the successor starts at %s, want %s", two.progress.Position, end)
	}
	before := versions(t, consume(t, server, topic))
	if err := server.Nodes[0].Proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	if err := one.failure(); !errors.Is(err, sink.ErrFenced) {
		t.Errorf("the zombie fails with %v", err)
	}
	if after := versions(t, consume(t, server, topic)); !slices.Equal(before, after) {
		t.Errorf("%d records before the zombie woke, %d after it", len(before), len(after))
	}
	for v := 2; v < 5; v++ {
		if end, err = all(two, v); err != nil {
			t.Fatal(err)
		}
	}
	two.wait(end)
	want := map[int]int{}
	for k := range 40 {
		want[k] = 4
	}
	seen := versions(t, consume(t, server, topic))
	if err := sinktest.Check(seen, want); err != nil {
		t.Error(err)
	}
	if len(seen) != 40*4 {
		t.Errorf("%d records, want every one once", len(seen))
	}
}

// A topic that was deleted before the successor opens, and is created again, knows no epoch: the successor fences it
// before its first record, so that the older writer's are refused on the partitions that it has not written to, too.
func TestZombieOfARecreatedTopic(t *testing.T) {
	needServers(t)
	server := testenv.Kafka(t, testenv.Proxied())
	topic := testenv.NewTopic(t, server, 12)
	o := options(server.Brokers(), topic)
	one := open(t, newSink(t, o))
	rows := func(n, version int) (events []transform.Event) {
		for k := range n {
			events = append(events, row(capture.Update, k, version, pad(100)))
		}
		return events
	}
	one.wait(one.mustWrite(rows(40, 1)...))
	server.Nodes[0].Proxy.Hold()
	one.mustWrite(rows(40, 2)...)
	admin := server.Admin(t)
	if err := admin.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	o.Brokers = server.Direct()
	two := open(t, newSink(t, o))
	if err := recreate(admin, topic); err != nil {
		t.Fatal(err)
	}
	awaitLeader(t, server.Direct()[0], topic, 0, 1)
	two.wait(two.mustWrite(rows(1, 3)...)) // to one partition
	if err := server.Nodes[0].Proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	t.Log(one.failure())                   // fenced, or by the topic's other id: what it hears of first
	two.wait(two.mustWrite(rows(1, 4)...)) // with the epoch that it had
	seen := versions(t, consume(t, server, topic))
	if want := []sinktest.Seen{{Key: 0, Version: 3}, {Key: 0, Version: 4}}; !slices.Equal(seen, want) {
		t.Errorf("the topic has %v, want %v", seen, want)
	}
}
