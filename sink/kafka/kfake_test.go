package kafka_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/sinktest"
)

// fake is a cluster that answers what a real one would not on demand. It is also what the demo runs on.
func fake(t *testing.T) (*kfake.Cluster, sinktest.Target) {
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(3, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	o := options(c.ListenAddrs(), "ledger")
	return c, sinktest.Target{
		New: func(t *testing.T) sink.Sink {
			s := newSink(t, o)
			s.Hasten(3*time.Second, 30*time.Second)
			return s
		},
		Read: func(t *testing.T) []sinktest.Seen { return versions(t, consumeFrom(t, c.ListenAddrs(), "ledger")) },
	}
}

func TestContractOnKfake(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Target {
		_, target := fake(t)
		return target
	})
}

// answers refuses some of the produce requests with an error, without storing anything.
type answers struct {
	mu   sync.Mutex
	dice *rand.Rand
	code int16
	left int
}

func (a *answers) control(r kmsg.Request) (kmsg.Response, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left == 0 || a.dice.IntN(2) == 0 {
		return nil, false
	}
	a.left--
	return refuse(r.(*kmsg.ProduceRequest), a.code), true
}

// driveRefusing drives a sink while n of its produce requests are refused with a code, and fails when none was.
func driveRefusing(t *testing.T, code int16, n int) sinktest.Report {
	t.Helper()
	c, target := fake(t)
	a := &answers{dice: rand.New(rand.NewPCG(1, 2)), code: code, left: n}
	r := sinktest.Drive(t, target, func() error {
		time.Sleep(100 * time.Millisecond)
		c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			resp, handled := a.control(r)
			return resp, nil, handled
		})
		time.Sleep(300 * time.Millisecond)
		return nil
	})
	t.Log(r)
	if a.left == n {
		t.Error("nothing was refused")
	}
	return r
}

func refuse(r *kmsg.ProduceRequest, code int16) kmsg.Response {
	resp := r.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range r.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func TestErrorsThatRepeat(t *testing.T) {
	for _, e := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut,
		kerr.KafkaStorageError, kerr.UnknownTopicOrPartition, kerr.LeaderNotAvailable, kerr.CorruptMessage,
		kerr.FencedLeaderEpoch, kerr.NetworkException,
	} {
		t.Run(e.Message, func(t *testing.T) {
			r := driveRefusing(t, e.Code, 30)
			if r.Opens != 1 {
				t.Errorf("the sink was opened %d times: %v", r.Opens, r.Errors)
			}
		})
	}
}

// Errors that say that the broker's memory of us is not ours: the lane rewinds.
func TestErrorsThatRewind(t *testing.T) {
	for _, e := range []*kerr.Error{kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.UnknownServerError} {
		t.Run(e.Message, func(t *testing.T) {
			r := driveRefusing(t, e.Code, 2)
			if r.Opens < 2 || r.Fenced() > 0 {
				t.Errorf("the sink was opened %d times: %v", r.Opens, r.Errors)
			}
		})
	}
}

// A broker that asks for a pause gets one, and nothing is lost.
func TestThrottling(t *testing.T) {
	c, target := fake(t)
	n := 0
	r := sinktest.Drive(t, target, func() error {
		c.ControlKey(0, func(req kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			if n++; n > 10 {
				return nil, nil, false
			}
			resp := refuse(req.(*kmsg.ProduceRequest), kerr.ThrottlingQuotaExceeded.Code).(*kmsg.ProduceResponse)
			resp.ThrottleMillis = 50
			return resp, nil, true
		})
		time.Sleep(time.Second)
		return nil
	})
	if r.Opens != 1 {
		t.Errorf("the sink was opened %d times: %v", r.Opens, r.Errors)
	}
}

// A request whose connection ends instead of an answer.
func TestConnectionsEnd(t *testing.T) {
	c, target := fake(t)
	n := 0
	r := sinktest.Drive(t, target, func() error {
		c.ControlKey(0, func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			n++
			return nil, errors.New("cut"), n < 200 && n%5 == 0
		})
		time.Sleep(time.Second)
		return nil
	})
	t.Log(r)
	if r.Opens != 1 {
		t.Errorf("the sink was opened %d times: %v", r.Opens, r.Errors)
	}
}
