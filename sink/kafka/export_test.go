package kafka

import "time"

// Hasten shortens what a Sink waits for, so that faults are noticed within a test.
func (s *Sink) Hasten(read, giveUp time.Duration) {
	s.cluster.conf.Net.ReadTimeout, s.cluster.conf.Net.WriteTimeout = read, read
	s.ackTimeout, s.giveUp = read/2, giveUp
}

// OpenWithin sets how long Open tries.
func (s *Sink) OpenWithin(d time.Duration) { s.openWithin = d }

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
