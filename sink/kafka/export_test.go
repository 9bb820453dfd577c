package kafka

import (
	"context"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/fencing"
	"github.com/tailrace/tailrace/sink/kafka/topics"
	"github.com/tailrace/tailrace/sink/kafka/wire"
)

// Hasten shortens what a Sink waits for, so that faults are noticed within a test.
func (s *Sink) Hasten(read, giveUp time.Duration) {
	s.cluster.Config.Net.ReadTimeout, s.cluster.Config.Net.WriteTimeout = read, read
	s.ackTimeout, s.progress.AckTimeout, s.giveUp = read/2, read/2, giveUp
}

// OpenWithin sets how long Open tries.
func (s *Sink) OpenWithin(d time.Duration) { s.openWithin = d }

// RenewEvery sets how often the coordinator hears of a Writer.
func (s *Sink) RenewEvery(d time.Duration) { s.renewEvery = d }

// SpendEpochs takes epochs of the lane until Open has to take a new producer id.
func SpendEpochs(ctx context.Context, s *Sink) error {
	f := fencing.New(s.cluster, s.transactionalID(mainLane))
	p, err := f.NextEpoch(ctx, fencing.NoProducer)
	for err == nil && p.Epoch < fencing.EpochLimit {
		p, err = f.NextEpoch(ctx, p)
	}
	return err
}

// Renewed is when the coordinator last knew w.
func Renewed(w any) time.Time {
	x := w.(*Writer)
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.renewed
}

// NotRenewedFor puts the time of Renewed back.
func NotRenewedFor(w any, d time.Duration) {
	x := w.(*Writer)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.renewed = x.renewed.Add(-d)
}

// ProducerID is what w writes as.
func ProducerID(w any) (id int64, epoch int16) {
	p := w.(*Writer).producer
	return p.ID, p.Epoch
}

// FixOf is the fix of the error of w that a broker's refusal of a batch makes.
func FixOf(w any, e sarama.KError) string {
	return capture.AsProblem(w.(*Writer).refusal(newPartition(&topic{name: "t"}, 0), wire.Answer{Err: e})).Fix
}

// Limit sets how many bytes may be accepted and not settled.
func (s *Sink) Limit(n int) { s.limit = n }

// Refresh sets how often metadata is asked for without need.
func (s *Sink) Refresh(d time.Duration) { s.refreshEvery = d }

// SequenceFrom sets the next sequence number of all partitions of a topic of w, which was not written to yet and is not
// known to Kafka's producer state.
func SequenceFrom(w any, topic string, seq int32) error {
	x := w.(*Writer)
	t, err := x.topic(x.ctx, topic, true)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range t.parts {
		p.seq = seq
	}
	return nil
}

// AskAfter describes a topic, calls move, and then asks the leaders of its partitions for their ends.
func AskAfter(ctx context.Context, s *Sink, name string, move func() error) error {
	all, err := topics.Describe(ctx, s.cluster, name)
	if err != nil {
		return err
	}
	t := all[name].Topic
	if err := move(); err != nil {
		return err
	}
	return topics.AskLeaders(ctx, s.cluster, t, t.PartitionIDs(), func(k *kafkaconnect.Conn, ids []int32) error {
		_, err := k.Offsets(name, ids, sarama.OffsetNewest)
		return err
	})
}

// Used reports whether a topic has records.
func (s *Sink) Used(ctx context.Context, topic string) (bool, error) {
	empty, err := s.isEmpty(ctx, topic)
	return !empty, err
}
