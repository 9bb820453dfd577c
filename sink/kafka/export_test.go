package kafka

import "time"

// Hasten shortens what a Sink waits for, so that faults are noticed within a test.
func (s *Sink) Hasten(read, giveUp time.Duration) {
	s.cluster.conf.Net.ReadTimeout, s.cluster.conf.Net.WriteTimeout = read, read
	s.ackTimeout, s.giveUp = read/2, giveUp
}

// Limit sets how many bytes may be accepted and not settled.
func (s *Sink) Limit(n int) { s.limit = n }

// Refresh sets how often metadata is asked for without need.
func (s *Sink) Refresh(d time.Duration) { s.refreshEvery = d }
