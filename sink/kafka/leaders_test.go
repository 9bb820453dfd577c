package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// newTopics uses topics that were created a moment ago, which not every broker knows: Open waits until the leader of its progress topic
// answers, and so does the look into a topic of events.
func newTopics(t *testing.T, server *testenv.KafkaServer) {
	t.Helper()
	admin := server.Admin(t)
	for range 5 {
		o := options(server.Brokers(), "")
		o.ProgressTopic = o.Pipeline + ".progress" // Open creates it
		topic := o.Pipeline + ".new"
		o.Topic = func(string, string) (string, error) { return topic, nil }
		s := newSink(t, o)
		l, err := tryOpen(t, s)
		if err != nil {
			t.Errorf("open: %v", err)
			continue
		}
		if err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 6, ReplicationFactor: 3}, false); err != nil {
			t.Fatal(err)
		}
		used, err := l.Writer.(sink.UsedBefore).UsedBefore(t.Context(), []*capture.Table{{Schema: "public", Name: "t"}})
		if err != nil || used != "" {
			t.Errorf("used before: %q, %v", used, err)
		}
		l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
		l.Close()
		l = open(t, s)
		l.wait(l.mustWrite(row(capture.Insert, 1, 2, "")))
		l.Close()
	}
}

// passing is the code that brokers answer for a moment after a topic was created or a leader has moved.
var passing = []*kerr.Error{
	kerr.UnknownTopicOrPartition, kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.FencedLeaderEpoch, kerr.OffsetNotAvailable,
}

// refuseFirst has the first n requests of a kind answered with a code.
func refuseFirst(c *kfake.Cluster, key kmsg.Key, n int, code int16) (asked func() int) {
	count := make(chan int, 1)
	count <- 0
	c.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !ofEvents(r) {
			return nil, nil, false
		}
		seen := <-count + 1
		count <- seen
		if seen > n {
			return nil, nil, false
		}
		return refused(r, code), nil, true
	})
	return func() int { seen := <-count; count <- seen; return seen }
}

// ofEvents reports whether a request that describes something is about topics of events.
func ofEvents(r kmsg.Request) bool {
	switch r := r.(type) {
	case *kmsg.MetadataRequest:
		return len(r.Topics) == 1 && *r.Topics[0].Topic == "ledger"
	case *kmsg.DescribeConfigsRequest:
		return r.Resources[0].ResourceName == "large"
	}
	return true
}

// refused is the answer to r that has a code for each topic or partition.
func refused(r kmsg.Request, code int16) kmsg.Response {
	switch r := r.(type) {
	case *kmsg.ListOffsetsRequest:
		resp := r.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, t := range r.Topics {
			rt := kmsg.NewListOffsetsResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewListOffsetsResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp
	case *kmsg.FetchRequest:
		resp := r.ResponseKind().(*kmsg.FetchResponse)
		for _, t := range r.Topics {
			rt := kmsg.NewFetchResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewFetchResponseTopicPartition()
				rp.Partition, rp.ErrorCode, rp.RecordBatches = p.Partition, code, []byte{}
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp
	case *kmsg.MetadataRequest:
		resp := r.ResponseKind().(*kmsg.MetadataResponse)
		for _, t := range r.Topics {
			rt := kmsg.NewMetadataResponseTopic()
			rt.Topic, rt.ErrorCode = t.Topic, code
			resp.Topics = append(resp.Topics, rt)
		}
		return resp
	case *kmsg.CreateTopicsRequest:
		resp := r.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, t := range r.Topics {
			rt := kmsg.NewCreateTopicsResponseTopic()
			rt.Topic, rt.ErrorCode = t.Topic, code
			resp.Topics = append(resp.Topics, rt)
		}
		return resp
	case *kmsg.DescribeConfigsRequest:
		resp := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, res := range r.Resources {
			rr := kmsg.NewDescribeConfigsResponseResource()
			rr.ResourceType, rr.ResourceName, rr.ErrorCode = res.ResourceType, res.ResourceName, code
			resp.Resources = append(resp.Resources, rr)
		}
		return resp
	}
	return refuse(r.(*kmsg.ProduceRequest), code)
}

// What a broker answers for a moment is asked again, wherever a Sink asks for something.
func TestPassingAnswers(t *testing.T) {
	led := passing[:4]
	steps := map[string]struct {
		key   kmsg.Key
		codes []*kerr.Error
		do    func(t *testing.T, o kafka.Options) error
	}{
		"the offsets of the progress topic": {kmsg.ListOffsets, passing, opened},
		"the progress record":               {kmsg.Fetch, passing, opened},
		"a record that is removed":          {kmsg.Produce, led, removed},
		"the offsets of a topic of events":  {kmsg.ListOffsets, passing, lookedInto},
		"a topic of events":                 {kmsg.Metadata, []*kerr.Error{kerr.LeaderNotAvailable}, lookedInto},
		"the topics of the record":          {kmsg.Metadata, []*kerr.Error{kerr.LeaderNotAvailable}, opened},
		"a topic that is created":           {kmsg.CreateTopics, []*kerr.Error{kerr.NotController, kerr.RequestTimedOut}, created},
		"the settings of a topic":           {kmsg.DescribeConfigs, []*kerr.Error{kerr.UnknownTopicOrPartition}, largeRow},
	}
	for name, step := range steps {
		for _, code := range step.codes {
			t.Run(name+"/"+code.Message, func(t *testing.T) {
				c, _ := fake(t)
				if err := c.CreateTopic("large", 1, map[string]string{"max.message.bytes": "4000000"}); err != nil {
					t.Fatal(err)
				}
				o := options(c.ListenAddrs(), "ledger")
				l := open(t, newSink(t, o))
				l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
				l.Close()
				asked := refuseFirst(c, step.key, 2, code.Code)
				if err := step.do(t, o); err != nil {
					t.Error(err)
				}
				if asked() < 3 {
					t.Errorf("asked %d times", asked())
				}
			})
		}
	}
}

// A topic that the broker in use does not know yet exists as soon as another broker knows it.
func TestBrokerLearnsOfTopicLate(t *testing.T) {
	for name, do := range map[string]func(t *testing.T, o kafka.Options) error{
		"used before": lookedInto, "written to": written, "fenced": opened,
	} {
		for _, late := range []int{1, 8} {
			t.Run(fmt.Sprintf("%s/%d", name, late), func(t *testing.T) {
				c, _ := fake(t)
				o := options(c.ListenAddrs()[:1], "ledger")
				l := open(t, newSink(t, o))
				l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
				l.Close()
				asked := unknownAt(c, 0, late)
				if err := do(t, o); err != nil {
					t.Error(err)
				}
				if asked() < late {
					t.Errorf("asked %d times", asked())
				}
			})
		}
	}
}

// unknownAt has a broker not know the topic of events the first n times that it is asked.
func unknownAt(c *kfake.Cluster, node int32, n int) (asked func() int) {
	var count atomic.Int64
	c.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !ofEvents(r) || c.CurrentNode() != node || int(count.Add(1)) > n {
			return nil, nil, false
		}
		resp := refused(r, kerr.UnknownTopicOrPartition.Code).(*kmsg.MetadataResponse)
		for id, addr := range c.ListenAddrs() {
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err, true
			}
			b := kmsg.NewMetadataResponseBroker()
			b.NodeID, b.Host = int32(id), host
			if _, err := fmt.Sscan(port, &b.Port); err != nil {
				return nil, err, true
			}
			resp.Brokers = append(resp.Brokers, b)
		}
		return resp, nil, true
	})
	return func() int { return int(count.Load()) }
}

func written(t *testing.T, o kafka.Options) error {
	o.Pipeline = pipeline()
	l := open(t, newSink(t, o))
	_, err := l.write(row(capture.Insert, 1, 1, ""))
	return err
}

func opened(t *testing.T, o kafka.Options) error {
	l, err := tryOpen(t, newSink(t, o))
	if err == nil && l.progress.Record != sink.RecordFound {
		t.Errorf("found %+v", l.progress)
	}
	return err
}

func removed(t *testing.T, o kafka.Options) error {
	set := &kafka.Settings{Brokers: o.Brokers}
	lines, err := set.Drop(t.Context(), o.Pipeline, o.Name, capture.Origin{}, false)
	if err == nil && len(lines) == 0 {
		t.Error("no record was removed")
	}
	return err
}

func lookedInto(t *testing.T, o kafka.Options) error {
	c := o
	c.Pipeline = pipeline()
	s := newSink(t, c)
	used, err := s.Used(t.Context(), "ledger")
	if err == nil && !used {
		t.Error("the topic has records")
	}
	return err
}

func created(t *testing.T, o kafka.Options) error {
	o.Pipeline = pipeline()
	o.Topic = func(string, string) (string, error) { return o.Pipeline + ".created", nil }
	o.Create = &topics.Creation{Partitions: 2}
	l := open(t, newSink(t, o))
	_, err := l.write(row(capture.Insert, 1, 1, ""))
	return err
}

// largeRow writes a row that its topic takes, by a setting that has to be read.
func largeRow(t *testing.T, o kafka.Options) error {
	o.Pipeline = pipeline()
	o.Topic = func(string, string) (string, error) { return "large", nil }
	l := open(t, newSink(t, o))
	_, err := l.write(row(capture.Insert, 1, 1, pad(2<<20)))
	return err
}

// A partition whose leader has moved is asked for at its new one.
func TestLeadersAreFollowed(t *testing.T) {
	c, _ := fake(t)
	s := newSink(t, options(c.ListenAddrs(), "ledger"))
	defer s.Close()
	for _, to := range []int32{0, 1} {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		if err := kafka.AskAfter(ctx, s, "ledger", func() error { return c.MoveTopicPartition("ledger", 1, to) }); err != nil {
			t.Errorf("moved to %d: %v", to, err)
		}
	}
}

// An answer that does not pass ends with the ctx, and is named.
func TestAnswersThatStay(t *testing.T) {
	c, _ := fake(t)
	o := options(c.ListenAddrs(), "ledger")
	refuseFirst(c, kmsg.ListOffsets, 1<<30, kerr.NotLeaderForPartition.Code)
	s := newSink(t, o)
	s.OpenWithin(300 * time.Millisecond)
	_, err := tryOpen(t, s)
	if !errors.Is(err, sarama.ErrNotLeaderForPartition) || !strings.Contains(err.Error(), "no answer from Kafka in time") {
		t.Errorf("open: %v", err)
	}
}
