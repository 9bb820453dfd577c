package kafka_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

// The coordinator hears of a Writer that has nothing to write, which goes on afterwards with the epoch that it has; and
// the Writer hears of its successor.
func TestRenewal(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 2)
	o := options(server.Brokers(), topic)
	s := newSink(t, o)
	s.RenewEvery(50 * time.Millisecond)
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	for range 3 {
		before := kafka.Renewed(l.Writer)
		for end := time.Now().Add(time.Minute); !kafka.Renewed(l.Writer).After(before); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the coordinator is not told that the Writer lives")
			}
		}
	}
	l.wait(l.mustWrite(row(capture.Update, 1, 2, "")))
	open(t, newSink(t, o))
	if err := l.failure(); !errors.Is(err, sink.ErrFenced) {
		t.Errorf("the idle Writer fails with %v, want that it is fenced", err)
	}
	if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: 2}); err != nil {
		t.Error(err)
	}
}

// A Writer that the coordinator has not heard of for half a day may be forgotten by all: it writes nothing more.
func TestRenewalFails(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 1)
	l := open(t, newSink(t, options(server.Brokers(), topic)))
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	kafka.NotRenewedFor(l.Writer, 13*time.Hour)
	l.mustWrite(row(capture.Update, 1, 2, ""))
	if err := l.failure(); !strings.Contains(err.Error(), "the coordinator was not asked") {
		t.Errorf("failed with %v", err)
	}
	if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: 1}); err != nil {
		t.Error(err)
	}
}

// Epochs end, and then Kafka gives a producer id that partitions cannot relate to the one before. Open takes it when the
// markers are written, with the old one, and nothing is lost or doubled. A real server takes its time for 32000 epochs:
// see the next test.
func TestNextProducerID(t *testing.T) {
	c, target := fake(t)
	o := options(c.ListenAddrs(), "ledger")
	var mu sync.Mutex
	markers := map[string][]int64{} // producer ids by topic
	c.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		q := r.(*kmsg.AddPartitionsToTxnRequest)
		for _, topic := range q.Topics {
			markers[topic.Topic] = append(markers[topic.Topic], q.ProducerID)
		}
		return nil, nil, false
	})
	one := open(t, newSink(t, o))
	one.wait(one.mustWrite(twenty(1)...))
	one.Close()
	before, after := takeNextID(t, o, one)
	mu.Lock()
	if want := []int64{before, after}; !slices.Equal(markers["ledger"], want) { // by the second and the third Open
		t.Errorf("markers of %v, want %v", markers["ledger"], want)
	}
	mu.Unlock()
	onlyThreeRounds(t, target.Read(t))
}

// The same with an older Writer that goes on as the old id, and is fenced. It takes half a minute, so it needs
// TAILRACE_SOAK.
func TestProducerIDChangesUnderAZombie(t *testing.T) {
	if os.Getenv("TAILRACE_SOAK") == "" {
		t.Skip("32000 epochs of a real server: TestNextProducerID is the short form")
	}
	server := testenv.SharedKafka(t)
	topic := testenv.NewTopic(t, server, 3)
	o := options(server.Brokers(), topic)
	one := open(t, newSink(t, o))
	one.wait(one.mustWrite(twenty(1)...))
	takeNextID(t, o, one, func() {
		if _, err := one.write(twenty(9)...); err != nil {
			t.Errorf("write: %v", err)
		}
		if err := one.failure(); !errors.Is(err, sink.ErrFenced) {
			t.Errorf("the older Writer fails with %v, want that it is fenced", err)
		}
	})
	onlyThreeRounds(t, versions(t, consume(t, server, topic)))
}

// takeNextID has the sink that one was opened of opened again at the end of its epochs, and once more. Each of the two
// writes a round; meanwhile is called before the first.
func takeNextID(t *testing.T, o kafka.Options, one *lane, meanwhile ...func()) (before, after int64) {
	t.Helper()
	if err := kafka.SpendEpochs(t.Context(), newSink(t, o)); err != nil {
		t.Fatal(err)
	}
	two := open(t, newSink(t, o))
	before, _ = kafka.ProducerID(one.Writer)
	after, epoch := kafka.ProducerID(two.Writer)
	if after == before || epoch > 1000 {
		t.Errorf("producer id %d before, %d with epoch %d after: no new one", before, after, epoch)
	}
	for _, f := range meanwhile {
		f()
	}
	two.wait(two.mustWrite(twenty(2)...))
	three := open(t, newSink(t, o))
	if id, _ := kafka.ProducerID(three.Writer); id != after {
		t.Errorf("producer id %d after %d: a new one, although epochs are left", id, after)
	}
	three.wait(three.mustWrite(twenty(3)...))
	return before, after
}

// twenty are changes of twenty rows.
func twenty(version int) (events []transform.Event) {
	for k := range 20 {
		events = append(events, row(capture.Update, k, version, ""))
	}
	return events
}

func onlyThreeRounds(t *testing.T, seen []sinktest.Seen) {
	t.Helper()
	want := map[int]int{}
	for k := range 20 {
		want[k] = 3
	}
	if err := sinktest.Check(seen, want); err != nil {
		t.Error(err)
	}
	if len(seen) != 20*3 {
		t.Errorf("%d records, want every one once", len(seen))
	}
}
