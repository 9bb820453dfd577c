package kafka_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/internal/testenv/proxy"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

// What an older writer has sent and the network holds back arrives after its successor has opened: nothing of it is
// stored (I8), not even where the successor has written nothing yet.
func TestHeldUpZombie(t *testing.T) {
	needServers(t)
	server := testenv.SharedProxiedKafka(t)
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
	server := testenv.SharedProxiedKafka(t)
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

// A successor that finds no progress record, since the topic was deleted, or one that began after that and names other topics
// only, knows nothing of a topic that an older writer has used: it fences the topic before its first record, so that what the
// older writer has on its way is refused on the partitions that the successor has not written to, too. It fences all the topics that a
// Write brings together.
func TestZombieOfALostRecord(t *testing.T) {
	needServers(t)
	server := testenv.SharedProxiedKafka(t)
	for name, goesOn := range map[string]func(t *testing.T, o *kafka.Options, l *lane) *lane{
		"no record": func(_ *testing.T, _ *kafka.Options, l *lane) *lane { return l },
		"a record of another topic": func(t *testing.T, o *kafka.Options, l *lane) *lane {
			e := row(capture.Update, 1, 1, "")
			e.Topic = testenv.NewTopic(t, server, 1)
			l.wait(l.mustWrite(e))
			l.Close()
			return open(t, newSink(t, *o))
		},
		"a record without topics": func(t *testing.T, o *kafka.Options, l *lane) *lane {
			at := capture.Position{LSN: 0x1000}
			err := l.Writer.(sink.Recorder).Record(t.Context(), sink.Progress{Record: sink.RecordFound, Position: at, Origin: sinktest.Origin})
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
			return open(t, newSink(t, *o))
		},
	} {
		t.Run(name, func(t *testing.T) {
			topics := []string{testenv.NewTopic(t, server, 12), testenv.NewTopic(t, server, 6)}
			o := options(server.Brokers(), "")
			o.ProgressTopic = o.Pipeline + ".progress"
			one := open(t, newSink(t, o))
			rows := func(n, version int) (events []transform.Event) {
				for k := range n {
					e := row(capture.Update, k, version, pad(100))
					e.Topic = topics[k%2]
					events = append(events, e)
				}
				return events
			}
			one.wait(one.mustWrite(rows(40, 1)...))
			server.Nodes[0].Proxy.Hold()
			one.mustWrite(rows(40, 2)...)
			awaitHeld(t, server.Nodes[0].Proxy)
			server.DeleteTopic(t, o.ProgressTopic)
			o.Brokers = server.Direct()
			two := open(t, newSink(t, o))
			if two.progress.Record != sink.RecordNone {
				t.Fatalf("the successor finds %+v", two.progress)
			}
			two = goesOn(t, &o, two)
			two.wait(two.mustWrite(rows(2, 3)...)) // to one partition of each
			if err := server.Nodes[0].Proxy.Heal(); err != nil {
				t.Fatal(err)
			}
			t.Log(one.failure())                   // fenced, or by the progress topic's other id: what it hears of first
			two.wait(two.mustWrite(rows(2, 4)...)) // with the epoch that it had
			got, want := map[int][]int{}, map[int][]int{0: {1, 3, 4}, 1: {1, 3, 4}}
			for _, s := range versions(t, slices.Concat(consume(t, server, topics[0]), consume(t, server, topics[1]))) {
				got[s.Key] = append(got[s.Key], s.Version)
			}
			for k := 2; k < 40; k++ {
				want[k] = []int{1}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("versions by key (-want +got):\n%s", d)
			}
		})
	}
}

// awaitHeld waits until the proxy keeps back a request.
func awaitHeld(t *testing.T, proxy *proxy.Server) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if requests, _ := proxy.Held(); requests {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nothing is sent")
		}
	}
}

// A first start fences no topic of events: there is no older Writer. Later ones fence a topic that is new to them before its
// first record, and those that the record names at Open, all at once.
func TestTopicsThatAreFenced(t *testing.T) {
	c, _ := fake(t)
	for _, name := range []string{"a", "b", "c"} {
		if err := c.CreateTopic(name, 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	o := options(c.ListenAddrs(), "ledger")
	var mu sync.Mutex
	var fences [][]string
	c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		var names []string
		for _, topic := range r.(*kmsg.AddPartitionsToTxnRequest).Topics {
			if topic.Topic != kafka.DefaultProgressTopic {
				names = append(names, topic.Topic)
			}
		}
		if slices.Sort(names); len(names) > 0 {
			fences = append(fences, names)
		}
		return nil, nil, false
	})
	for n, start := range []struct {
		writes string
		want   [][]string
	}{
		{"ab", nil},
		{"abc", [][]string{{"a", "b"}, {"c"}}},
		{"abc", [][]string{{"a", "b", "c"}}},
	} {
		l := open(t, newSink(t, o))
		for range 2 {
			for _, topic := range start.writes {
				e := row(capture.Update, 1, 1, "")
				e.Topic = string(topic)
				l.wait(l.mustWrite(e))
			}
		}
		l.Close()
		mu.Lock()
		if d := cmp.Diff(start.want, fences); d != "" {
			t.Errorf("start %d (-want +got):\n%s", n+1, d)
		}
		fences = nil
		mu.Unlock()
	}
}

// A topic that was just created and that the coordinator does not know yet, or not its leader, is waited for.
func TestFenceWaitsForANewTopic(t *testing.T) {
	for name, answer := range map[string]func(*kmsg.MetadataResponseTopic){
		"unknown": func(a *kmsg.MetadataResponseTopic) { a.ErrorCode = kerr.UnknownTopicOrPartition.Code },
		"without a leader": func(a *kmsg.MetadataResponseTopic) {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.ErrorCode, p.Leader = kerr.LeaderNotAvailable.Code, -1
			a.Partitions = append(a.Partitions, p)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := fake(t)
			o := options(c.ListenAddrs(), "ledger")
			open(t, newSink(t, o)).Close() // so that there is an older Writer
			l := open(t, newSink(t, o))
			var asked atomic.Int32
			c.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				q := r.(*kmsg.MetadataRequest)
				if len(q.Topics) != 1 || *q.Topics[0].Topic != "ledger" || asked.Add(1) != 2 {
					return nil, nil, false // the first one describes the topic, the second one asks the coordinator for leaders
				}
				resp := r.ResponseKind().(*kmsg.MetadataResponse)
				a := kmsg.NewMetadataResponseTopic()
				a.Topic = q.Topics[0].Topic
				answer(&a)
				resp.Topics = append(resp.Topics, a)
				return resp, nil, true
			})
			l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
			if n := asked.Load(); n < 4 { // again before the markers, and after them
				t.Errorf("asked %d times for the topic", n)
			}
		})
	}
}
