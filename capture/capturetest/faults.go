package capturetest

import (
	"errors"
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// errCut is what a stream says when its connection was cut.
var errCut = errors.New("connection reset by peer")

// Cut ends the connection that holds the slot, and both sides know.
func (s *Script) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
}

func (s *Script) cut() {
	if s.holder != nil && s.holder.stream != nil {
		s.holder.stream.fail(errCut)
	}
	s.holder = nil
	s.wake()
}

// Orphan ends the connection that holds the slot on the server's side only: the client hears nothing, and what it says
// goes nowhere. So it goes for a daemon that was stopped for a while, or whose network swallows everything.
func (s *Script) Orphan() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holder = nil
	s.wake()
}

// Take cuts the connection that holds the slot and gives the slot to a foreign process, which leaves it at confirmed, or
// where it is when that is zero. Leave lets it go.
func (s *Script) Take(confirmed capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.holder = &process{}
	s.confirmed = max(s.confirmed, confirmed)
}

// Leave makes the foreign process let the slot go.
func (s *Script) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder != nil && s.holder.stream == nil {
		s.holder = nil
	}
	s.wake()
}

// Crash cuts every connection and puts the slot back to confirmed, as a server does that had not yet written its slot to
// disk.
func (s *Script) Crash(confirmed capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.confirmed = min(s.confirmed, confirmed)
}

// Promote cuts every connection and goes on as another server, on a new timeline that leaves the old one at switchover.
// What stood behind that is lost.
func (s *Script) Promote(switchover capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.truncate(switchover)
	s.origin.History = append(slices.Clone(s.origin.History), capture.Timeline{ID: s.origin.Timeline, End: switchover})
	s.origin.Timeline++
}

// Restore cuts every connection and puts the server back to an older state of itself, on the same timeline.
func (s *Script) Restore(end capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.truncate(end)
}

func (s *Script) truncate(end capture.LSN) {
	for len(s.log) > 0 && s.log[len(s.log)-1].end > end {
		for _, r := range s.log[len(s.log)-1].rows {
			s.versions[r.Key]--
		}
		s.log = s.log[:len(s.log)-1]
	}
	s.end, s.confirmed = end, min(s.confirmed, end)
}

// Lag cuts every connection and makes the server a standby that has replayed the log up to end; 0: it is none any more.
func (s *Script) Lag(end capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.lag = end
}

// Alter cuts every connection and publishes something else from now on, in words that sinks record.
func (s *Script) Alter(publication string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.origin.Publication = publication
}

// Replace cuts every connection and becomes another cluster with the same log.
func (s *Script) Replace(system uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.origin = firstOrigin
	s.origin.System = system
}

// Move cuts every connection and becomes another database of the same cluster, with the same log.
func (s *Script) Move(to capture.Database) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.origin.Database = to
}

// Tell makes the server know its commits, as one with track_commit_timestamp does.
func (s *Script) Tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tells = true
}

// knows reports whether a commit is in the log.
func (s *Script) knows(c capture.Commit) capture.Knowledge {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tells || c.XID == 0 {
		return capture.CommitUnknown
	}
	for i := range s.log {
		if tx := s.log[i].tx; tx != nil && tx.Commit(s.log[i].end) == c {
			return capture.CommitPresent
		}
	}
	return capture.CommitAbsent
}

// Advance moves the slot on behind everybody's back, as somebody with pg_replication_slot_advance does.
func (s *Script) Advance(confirmed capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed = max(s.confirmed, confirmed)
	s.wake()
}

// Drop cuts every connection and drops the slot: the next start makes a snapshot.
func (s *Script) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.slot = false
}

// Delay makes a status take so long until the server has it; when the connection ends before, it is lost.
func (s *Script) Delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}
