package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
	"github.com/tailrace/tailrace/transform"
)

// target is a sink into a topic of three partitions; edit may change its options and what it waits for.
func target(t *testing.T, server *testenv.KafkaServer, edit ...func(*kafka.Options)) sinktest.Target {
	topic := testenv.NewTopic(t, server, 3)
	o := options(server.Brokers(), topic)
	for _, e := range edit {
		e(&o)
	}
	return sinktest.Target{
		New: func(t *testing.T) sink.Sink {
			s := newSink(t, o)
			s.Hasten(3*time.Second, 30*time.Second)
			return s
		},
		Read: func(t *testing.T) []sinktest.Seen { return versions(t, consume(t, server, topic)) },
	}
}

// direct lets the sink connect without the proxy.
func direct(server *testenv.KafkaServer) func(*kafka.Options) {
	return func(o *kafka.Options) { o.Brokers = server.Direct() }
}

// steps runs faults one after the other, with a second of good weather between them.
func steps(faults ...func() error) func() error {
	return func() error {
		time.Sleep(time.Second)
		for _, f := range faults {
			if err := f(); err != nil {
				return err
			}
			time.Sleep(time.Second)
		}
		return nil
	}
}

func quietly(f func()) func() error { return func() error { f(); return nil } }

func pause(d time.Duration) func() error { return quietly(func() { time.Sleep(d) }) }

// A broker that comes back within seconds causes no rewind: the same batches are sent again.
func TestBrokerRestarts(t *testing.T) {
	needServers(t)
	server := testenv.SharedProxiedKafka(t)
	kill := func() error { return errors.Join(server.Kill(), server.Start()) }
	r := sinktest.Drive(t, target(t, server, direct(server)), steps(kill, server.Restart, kill))
	t.Log(r)
	if r.Opens != 1 {
		t.Errorf("the sink was opened %d times: %v", r.Opens, r.Errors)
	}
}

// An outage that lasts longer makes the lane rewind, and nothing is lost.
func TestBrokerStaysAway(t *testing.T) {
	needServers(t)
	server := testenv.SharedProxiedKafka(t)
	tg := target(t, server, direct(server))
	hasty := tg.New
	tg.New = func(t *testing.T) sink.Sink {
		s := hasty(t).(*kafka.Sink)
		s.Hasten(2*time.Second, 3*time.Second)
		return s
	}
	r := sinktest.Drive(t, tg, steps(server.Stop, pause(6*time.Second), server.Start))
	t.Log(r)
	if r.Opens < 2 {
		t.Errorf("the sink was opened %d times", r.Opens)
	}
}

// What a held-up or broken connection did deliver is not written twice, and what it delivers late neither.
func TestNetwork(t *testing.T) {
	needServers(t)
	server := testenv.SharedProxiedKafka(t)
	p := server.Nodes[0].Proxy
	hold := steps(quietly(p.Hold), pause(5*time.Second), p.Heal)
	for name, faults := range map[string]func() error{
		"held up":          steps(hold, hold),
		"answers held up":  steps(quietly(p.HoldReplies), pause(5*time.Second), p.Heal),
		"cut":              steps(quietly(p.Cut), quietly(p.Cut), quietly(p.Cut)),
		"down":             steps(quietly(p.Down), pause(3*time.Second), p.Heal),
		"answers lost":     steps(quietly(func() { p.CutReplyAfter(10) }), quietly(func() { p.CutReplyAfter(100) })),
		"requests cut":     steps(quietly(func() { p.CutRequestAfter(100) }), quietly(func() { p.CutRequestAfter(5000) })),
		"slow with slices": steps(quietly(func() { p.SliceTo(100); p.Latency(50 * time.Millisecond) }), pause(2*time.Second), p.Heal),
	} {
		t.Run(name, func(t *testing.T) {
			defer p.Heal()
			r := sinktest.Drive(t, target(t, server), faults)
			t.Log(r)
			if r.Opens != 1 {
				t.Errorf("the sink was opened %d times: %v", r.Opens, r.Errors)
			}
		})
	}
}

func TestLeadersMove(t *testing.T) {
	needServers(t)
	server := testenv.Kafka(t, testenv.Nodes(3))
	one, other := server.Nodes[1], server.Nodes[2]
	faults := []func() error{
		func() error { return errors.Join(one.Stop(), one.Start()) },
		func() error { return errors.Join(other.Kill(), other.Start()) },
	}
	r := sinktest.Drive(t, target(t, server), steps(faults...))
	t.Log(r)
	if r.Opens != 1 {
		t.Errorf("the sink was opened %d times: %v", r.Opens, r.Errors)
	}
}

// Topics are new to some of the brokers. Then a broker stays away: its partitions have new leaders, and the line goes on without it.
func TestLeaderStaysAway(t *testing.T) {
	needServers(t)
	server := testenv.Kafka(t, testenv.Nodes(3))
	newTopics(t, server)
	topic := testenv.NewTopic(t, server, 12)
	s := newSink(t, options(server.Brokers(), topic))
	l := open(t, s)
	version := 0
	write := func() capture.Position {
		version++
		var events []transform.Event
		for k := range 50 {
			events = append(events, row(capture.Update, k, version, ""))
		}
		return l.mustWrite(events...)
	}
	l.wait(write())
	if err := server.Nodes[2].Kill(); err != nil {
		t.Fatal(err)
	}
	var last capture.Position
	for range 20 {
		last = write()
	}
	l.wait(last) // while the node is down
	if err := server.Nodes[2].Start(); err != nil {
		t.Fatal(err)
	}
	want := map[int]int{}
	for k := range 50 {
		want[k] = version
	}
	if err := sinktest.Check(versions(t, consume(t, server, topic)), want); err != nil {
		t.Error(err)
	}
}

// While Kafka does not answer, Write accepts so much and no more.
func TestMemoryIsBounded(t *testing.T) {
	needServers(t)
	server := testenv.SharedProxiedKafka(t)
	topic := testenv.NewTopic(t, server, 3)
	s := newSink(t, options(server.Brokers(), topic))
	const limit = 4 << 20
	s.Limit(limit)
	l := open(t, s)
	l.wait(l.mustWrite(row(capture.Insert, 1, 1, "")))
	server.Nodes[0].Proxy.Hold()
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	accepted, version := 0, 1
	var last capture.Position
	for {
		version++
		l.lsn += 0x100
		e := row(capture.Update, 1, version, pad(10_000))
		e.Change.Tx = &capture.Tx{LSN: l.lsn}
		last = capture.Position{LSN: l.lsn + 0x80}
		if err := l.Write(ctx, []sink.Batch{{Events: []transform.Event{e}, End: last, Commit: true}}); err != nil {
			break
		}
		accepted += 10_000
	}
	if accepted > limit+100_000 || accepted < limit/2 {
		t.Errorf("%d bytes accepted, the limit is %d", accepted, limit)
	}
	if err := server.Nodes[0].Proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	l.wait(last) // what was accepted arrives, the last one too: it was waiting for room
	if err := sinktest.Check(versions(t, consume(t, server, topic)), map[int]int{1: version}); err != nil {
		t.Error(err)
	}
}
