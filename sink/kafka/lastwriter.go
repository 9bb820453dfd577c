package kafka

import (
	"context"
	"errors"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka/fencing"
	"github.com/tailrace/tailrace/sink/kafka/progress"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// lastWriter is what a Writer leaves to the next Open of the same process: its producer, and the record that it knows
// to be stored. When the record is gone by then, and no other process has opened the sink in between, Open writes it
// again.
type lastWriter struct {
	lane string
	who  fencing.Producer // the last epoch that the process had
	home sarama.Uuid      // of the progress topic; zero: the brokers give none
	rec  *progress.Record // nil: none
}

// nextEpoch takes an epoch for an Open. It keeps what the last Writer of this process knew only when the coordinator
// proves that no other process has taken an epoch since. Otherwise the record may have moved on, and a paused daemon
// that resumes would put it back.
func (s *Sink) nextEpoch(ctx context.Context, f *fencing.TransactionalID, lane string) (fencing.Producer, error) {
	last := s.lastOf(lane)
	if last == nil {
		return f.NextEpoch(ctx, fencing.NoProducer)
	}
	who, err := f.NextEpoch(ctx, last.who)
	switch {
	case errors.Is(err, sink.ErrFenced):
		s.setLast(nil)
		return f.NextEpoch(ctx, fencing.NoProducer)
	case err != nil:
		return fencing.NoProducer, err // it proves nothing
	case who.ID != last.who.ID || who.Epoch != last.who.Epoch+1:
		s.setLast(nil) // the coordinator did not know us any more, or is that of another cluster
	default:
		last.who = who
	}
	return who, nil
}

func (s *Sink) lastOf(lane string) *lastWriter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || s.last.lane != lane {
		return nil
	}
	return s.last
}

func (s *Sink) setLast(l *lastWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = l
}

// setEpoch records the epoch that an Open of this process has taken. It does nothing for a nil last.
func (l *lastWriter) setEpoch(as fencing.Producer) {
	if l != nil {
		l.who = as
	}
}

// recordMissing reports whether the last Writer's record is not the one in the progress topic: it is gone, or the
// topic is another one, where a record can only be from a late batch of an older writer.
func (l *lastWriter) recordMissing(home *topics.Topic, f *progress.Found) bool {
	return l != nil && l.rec != nil && !f.Dropped && (f.Record == nil || home.ID != l.home)
}

// restore makes the record of an Open durable where it is not, or will not be for long: the one that the last Writer
// of this process knew, or the one in a topic that deletes records. It returns the epoch to go on with, whose
// sequence numbers begin at 0. The partition is already fenced.
func (s *Sink) restore(ctx context.Context, f *fencing.TransactionalID, who fencing.Producer, lane string, home *topics.Topic, had *progress.Found) (fencing.Producer, error) {
	last := s.lastOf(lane)
	switch {
	case last.recordMissing(home, had):
		had.Record = last.rec
		s.log.Warn("the progress record is missing, although no other process has opened the sink: writing it again",
			zap.String("topic", home.Name), zap.Any("position", had.Record.Position))
	case had.Record == nil || s.progress.Health().Warning == nil:
		return who, nil
	}
	if err := s.progress.Put(ctx, f, home, who, lane, had.Record); err != nil {
		return who, err
	}
	return f.NextEpoch(ctx, who)
}
