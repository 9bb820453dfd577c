package kafka_test

import (
	"errors"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
)

// ownProgress is a sink with a progress topic of its own, which nothing else in the cluster uses.
func ownProgress(t *testing.T, server *testenv.KafkaServer, settings map[string]string) (o kafka.Options, topic string) {
	t.Helper()
	topic = testenv.NewTopic(t, server, 2)
	o = options(server.Brokers(), topic)
	o.ProgressTopic = o.Pipeline + ".progress"
	if settings != nil {
		server.CreateTopic(t, o.ProgressTopic, 1, settings)
	}
	return o, topic
}

// watchful is a sink that looks after its topics often.
func watchful(t *testing.T, o kafka.Options) *kafka.Sink {
	t.Helper()
	s := newSink(t, o)
	s.Refresh(200 * time.Millisecond)
	return s
}

var deletes = map[string]string{"cleanup.policy": "delete"}

// A record that is lost while the process runs is written again as it was, with a verdict that stood in it, and the lane goes
// on from it.
func TestRecordIsWrittenAgain(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	removed := func(t *testing.T, topic string) { server.DeleteTopic(t, topic) }
	expired := func(t *testing.T, topic string) { server.PurgeTopic(t, topic) }
	verdict := &sink.Verdict{State: "gap", Reason: "so it is", Since: time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)}
	for name, c := range map[string]struct {
		settings map[string]string // of the progress topic; nil: the sink makes it
		loses    func(t *testing.T, topic string)
		writes   bool // meanwhile
		verdict  *sink.Verdict
		unseen   bool // by the Writer
	}{
		"deleted while idle":       {loses: removed},
		"deleted before a write":   {loses: removed, writes: true},
		"deleted, with a verdict":  {loses: removed, verdict: verdict},
		"deleted and made again":   {loses: func(t *testing.T, topic string) { removed(t, topic); remade(t, server, topic) }},
		"expired":                  {settings: deletes, loses: expired, unseen: true},
		"expired, with a verdict":  {settings: deletes, loses: expired, unseen: true, verdict: verdict},
		"deleted where it expires": {settings: deletes, loses: removed, verdict: verdict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, topic := ownProgress(t, server, c.settings)
			s := newSink(t, o)
			if s.Refresh(200 * time.Millisecond); c.unseen {
				s.Refresh(time.Hour) // else it is written again at once
			}
			l := open(t, s)
			end := l.mustWrite(row(capture.Insert, 1, 1, ""))
			l.wait(end)
			if c.verdict != nil {
				l.Close()
				l = open(t, s)
				with := l.progress
				with.Verdict, with.Commit = c.verdict, capture.Commit{LSN: end.LSN, XID: 77}
				if err := l.Writer.(sink.Recorder).Record(t.Context(), with); err != nil {
					t.Fatal(err)
				}
			}
			want, err := newSink(t, o).Read(t.Context(), "main", sinktest.Origin)
			if err != nil || want.Record != sink.RecordFound || want.Position != end {
				t.Fatalf("before: %+v, %v", want, err)
			}
			c.loses(t, o.ProgressTopic)
			if c.writes {
				_, _ = l.write(row(capture.Insert, 2, 1, ""))
			}
			if !c.unseen {
				problem(t, l.failure(), "progress_deleted")
			}
			l.Close()
			l = open(t, s)
			if d := cmp.Diff(want, l.progress); d != "" {
				t.Errorf("opened again (-before +after):\n%s", d)
			}
			got, err := newSink(t, o).Read(t.Context(), "main", sinktest.Origin) // it is durable
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("in the topic (-before +after): %v\n%s", err, d)
			}
			if p := policyOf(t, server, o.ProgressTopic); !c.unseen && p != "compact" {
				t.Errorf("the topic is made again with cleanup.policy=%s", p)
			}
			l.wait(l.mustWrite(row(capture.Insert, 2, 1, "")))
			if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: 1, 2: 1}); err != nil {
				t.Error(err)
			}
		})
	}
}

// remade makes the topic as another pipeline's daemon would, once its deletion has gone through.
func remade(t *testing.T, server *testenv.KafkaServer, topic string) {
	t.Helper()
	policy := "compact"
	detail := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{"cleanup.policy": &policy}}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := server.Admin(t).CreateTopic(topic, detail, false)
		if err == nil || errors.Is(err, sarama.ErrTopicAlreadyExists) {
			server.AwaitTopic(t, topic)
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func policyOf(t *testing.T, server *testenv.KafkaServer, topic string) string {
	t.Helper()
	results, err := server.Admin(t).DescribeConfigs([]*sarama.ConfigResource{
		{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"cleanup.policy"}},
	}, sarama.DescribeConfigsOptions{})
	if err != nil || len(results) != 1 || len(results[0].Configs) != 1 {
		t.Fatalf("settings of %s: %v, %v", topic, results, err)
	}
	return results[0].Configs[0].Value
}

// Only who has the sink writes a lost record again: not a process whose sink another one has opened since, though its Writer sees
// that the topic is gone, and it opens the sink again.
func TestZombieWritesNoRecordAgain(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	o, _ := ownProgress(t, server, nil)
	s := watchful(t, o)
	one := open(t, s)
	one.wait(one.mustWrite(row(capture.Insert, 1, 1, "")))
	server.DeleteTopic(t, o.ProgressTopic)
	two := open(t, newSink(t, o))
	if two.progress.Record != sink.RecordNone {
		t.Fatalf("the successor finds %+v", two.progress)
	}
	if _, err := one.write(row(capture.Insert, 2, 1, "")); err != nil {
		t.Logf("write: %v", err)
	}
	t.Log(one.failure()) // by the topic's other id, or fenced: what it hears of first
	one.Close()
	one = open(t, s)
	if one.progress.Record != sink.RecordNone {
		t.Errorf("the older process opens with %+v", one.progress)
	}
	if got, err := newSink(t, o).Read(t.Context(), "main", sinktest.Origin); err != nil || got.Record != sink.RecordNone {
		t.Errorf("the topic has %+v, %v", got, err)
	}
}

// A record of an older Writer that reaches the topic when it has been made again does not count for the process that has the
// sink.
func TestLateRecordInANewTopic(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	o, _ := ownProgress(t, server, nil)
	s := watchful(t, o)
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	late := consume(t, server, o.ProgressTopic)
	end := l.mustWrite(row(capture.Insert, 2, 1, ""))
	l.wait(end)
	server.DeleteTopic(t, o.ProgressTopic)
	remade(t, server, o.ProgressTopic)
	produce(t, server, o.ProgressTopic, late[len(late)-1])
	problem(t, l.failure(), "progress_deleted")
	l.Close()
	if l = open(t, s); l.progress.Position != end {
		t.Errorf("opened at %s, want %s", l.progress.Position, end)
	}
}

// produce writes a record to partition 0.
func produce(t *testing.T, server *testenv.KafkaServer, topic string, r record) {
	t.Helper()
	p, err := sarama.NewSyncProducerFromClient(server.Client(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	m := &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(r.key)}
	if !r.null {
		m.Value = sarama.StringEncoder(r.value)
	}
	if _, _, err := p.SendMessage(m); err != nil {
		t.Fatal(err)
	}
}

// A record that was removed on purpose stays away.
func TestDroppedRecordIsNotWrittenAgain(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	for name, drop := range map[string]func(*testing.T, *kafka.Options){
		"by us": func(t *testing.T, o *kafka.Options) {
			set := &kafka.Settings{Brokers: o.Brokers, ProgressTopic: o.ProgressTopic}
			if _, err := set.Drop(t.Context(), o.Pipeline, o.Name, sinktest.Origin, false); err != nil {
				t.Fatal(err)
			}
		},
		"by an administrator": func(t *testing.T, o *kafka.Options) {
			all := consume(t, server, o.ProgressTopic)
			produce(t, server, o.ProgressTopic, record{key: all[0].key, null: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := ownProgress(t, server, nil)
			s := newSink(t, o)
			l := open(t, s)
			l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
			l.Close()
			drop(t, &o)
			if l = open(t, s); l.progress.Record != sink.RecordNone {
				t.Errorf("opened with %+v", l.progress)
			}
		})
	}
}

// An Open that fails on its way leaves what the process knows of the record to the next one.
func TestRecordIsWrittenAgainByALaterOpen(t *testing.T) {
	c, _ := fake(t)
	s := newSink(t, options(c.ListenAddrs(), "ledger"))
	l := open(t, s)
	end := l.mustWrite(row(capture.Insert, 1, 1, ""))
	l.wait(end)
	l.Close()
	if err := c.DeleteTopic(kafka.DefaultProgressTopic); err != nil {
		t.Fatal(err)
	}
	code := kerr.UnknownServerError.Code
	for key, refusal := range map[kmsg.Key]func(kmsg.Request) kmsg.Response{
		kmsg.InitProducerID: func(r kmsg.Request) kmsg.Response {
			resp := r.ResponseKind().(*kmsg.InitProducerIDResponse)
			resp.ErrorCode = code
			return resp
		},
		kmsg.Produce: func(r kmsg.Request) kmsg.Response { return refuse(r.(*kmsg.ProduceRequest), code) },
	} {
		c.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) { return refusal(r), nil, true }) // once
		if _, err := tryOpen(t, s); !errors.Is(err, sarama.ErrUnknown) {
			t.Fatalf("open without %s: %v", key.Name(), err)
		}
	}
	if l = open(t, s); l.progress.Position != end {
		t.Errorf("opened with %+v, want %s", l.progress, end)
	}
}
