package kafka_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/kafka/topics"
	"github.com/tailrace/tailrace/transform"
)

// trace is what a cluster of one broker was asked for topics of events, in its order.
type trace struct {
	mu    sync.Mutex
	steps []string
	of    []string // the topics of events
}

// follow notes requests of c from now on.
func follow(c *kfake.Cluster, of ...string) *trace {
	a := &trace{of: of}
	for _, key := range []kmsg.Key{kmsg.CreateTopics, kmsg.AddPartitionsToTxn, kmsg.EndTxn, kmsg.Produce} {
		c.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			a.note(r)
			return nil, nil, false
		})
	}
	return a
}

func (a *trace) note(r kmsg.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	what, names := "", []string(nil)
	switch r := r.(type) {
	case *kmsg.CreateTopicsRequest:
		what = "create"
		for _, t := range r.Topics {
			names = append(names, t.Topic)
		}
	case *kmsg.AddPartitionsToTxnRequest:
		what = "fence"
		for _, t := range r.Topics {
			names = append(names, t.Topic)
		}
	case *kmsg.EndTxnRequest:
		what = "marker"
	case *kmsg.ProduceRequest:
		for _, t := range r.Topics {
			if t.Topic != kafka.DefaultProgressTopic {
				what, names = "write", append(names, t.Topic)
				continue
			}
			what = "record"
			for _, name := range a.of {
				if bytes.Contains(t.Partitions[0].Records, fmt.Appendf(nil, "%q", name)) {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names)
	step := strings.TrimSpace(what + " " + strings.Join(names, " "))
	if n := len(a.steps); n == 0 || a.steps[n-1] != step {
		a.steps = append(a.steps, step)
	}
}

func (a *trace) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.steps)
}

// one is a cluster of one broker with the named topics, and a sink that follows an older Writer without a record.
func one(t *testing.T, names ...string) (*kfake.Cluster, *kafka.Sink) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, names...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	o := options(c.ListenAddrs(), "ledger")
	o.Create = &topics.Creation{Names: []string{"new*"}, Partitions: 3}
	open(t, newSink(t, o)).Close()
	return c, newSink(t, o)
}

func into(topics ...string) (events []transform.Event) {
	for _, topic := range topics {
		e := row(capture.Insert, 1, 1, "")
		e.Topic = topic
		events = append(events, e)
	}
	return events
}

// All topics that a Write brings are created by one request, fenced by one transaction and named by one progress record, before the
// first record of each.
func TestTopicsArePreparedTogether(t *testing.T) {
	c, s := one(t, "a", "b")
	l := open(t, s)
	a := follow(c, "a", "b", "c", "new1", "new2")
	l.wait(l.mustWrite(into("a", "b", "a", "new1", "new2", "b")...))
	all := "a b new1 new2"
	want := []string{"create new1 new2", "fence " + all, "marker", "record " + all, "write " + all, "record " + all}
	if d := cmp.Diff(want, a.all()); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
	l.wait(l.mustWrite(into("b", "a")...)) // they stay prepared
	if d := cmp.Diff(append(want, "write a b", "record "+all), a.all()); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
}

// A topic that cannot be prepared is the error of its own event: what stands before it is held.
func TestTopicThatCannotBePrepared(t *testing.T) {
	for name, c := range map[string]struct {
		topic string
		state string
		fence int16 // the answer for the topic
	}{
		"missing":            {"missing", "topic_missing", 0},
		"that is not fenced": {"b", "not_authorized", kerr.TopicAuthorizationFailed.Code},
	} {
		t.Run(name, func(t *testing.T) {
			cluster, s := one(t, "a", "b", "c")
			cluster.ControlKey(int16(kmsg.AddPartitionsToTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				resp := refuseToFence(r.(*kmsg.AddPartitionsToTxnRequest), c.topic, c.fence)
				return resp, nil, resp != nil
			})
			l := open(t, s)
			a := follow(cluster)
			end, err := l.write(into("a", c.topic, "c")...)
			problem(t, err, c.state)
			l.wait(capture.Position{LSN: l.lsn, Seq: 1})
			if at := (capture.Position{LSN: l.lsn, Seq: 1}); !at.Before(end) {
				t.Errorf("%s is not before %s", at, end)
			}
			if c.fence == 0 && !slices.Contains(a.all(), "fence a c") {
				t.Errorf("requests %v: a and c are not prepared together", a.all())
			}
			for topic, n := range map[string]int{"a": 1, "c": 0} {
				if got := consumeFrom(t, cluster.ListenAddrs(), topic); len(got) != n {
					t.Errorf("topic %s has %d records, want %d", topic, len(got), n)
				}
			}
		})
	}
}

// refuseToFence answers a request that names a topic with a code for it; nil where it refuses nothing, as with code 0.
func refuseToFence(r *kmsg.AddPartitionsToTxnRequest, topic string, code int16) kmsg.Response {
	named := func(t kmsg.AddPartitionsToTxnRequestTopic) bool { return t.Topic == topic }
	if code == 0 || !slices.ContainsFunc(r.Topics, named) {
		return nil
	}
	resp := r.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
	for _, t := range r.Topics {
		rt := kmsg.NewAddPartitionsToTxnResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
			if rp.Partition, rp.ErrorCode = p, kerr.OperationNotAttempted.Code; t.Topic == topic {
				rp.ErrorCode = code
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
