package capturetest

import (
	"errors"
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// errCut is the error of a stream whose connection was cut.
var errCut = errors.New("connection reset by peer")

// Cut ends the connection that holds the slot, and both sides notice.
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

// Orphan ends the connection that holds the slot on the server's side only: the client notices nothing, and what it sends
// is lost. That is the situation of a daemon that was suspended for a while, or whose network drops everything.
func (s *Script) Orphan() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holder = nil
	s.wake()
}

// Take cuts the connection that holds the slot and gives the slot to a foreign process, which leaves it at confirmed, or at
// its present position when that is zero. Leave releases it.
func (s *Script) Take(confirmed capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.holder = &process{}
	s.confirmed = max(s.confirmed, confirmed)
}

// Leave makes the foreign process release the slot.
func (s *Script) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder != nil && s.holder.stream == nil {
		s.holder = nil
	}
	s.wake()
}

// Crash cuts every connection and resets the slot to confirmed, as on a server that had not yet written its slot to disk.
func (s *Script) Crash(confirmed capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.confirmed = min(s.confirmed, confirmed)
}

// Promote cuts every connection and continues as another server, on a new timeline that branches from the old one at
// switchover. Everything after that position is lost.
func (s *Script) Promote(switchover capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.truncate(switchover)
	s.origin.History = append(slices.Clone(s.origin.History), capture.Timeline{ID: s.origin.Timeline, End: switchover})
	s.origin.Timeline++
}

// Restore cuts every connection and resets the server to an older state, on the same timeline.
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

// Lag cuts every connection and makes the server a standby that has replayed the log up to end; 0: it is no longer one.
func (s *Script) Lag(end capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.lag = end
}

// Alter cuts every connection and changes what is published from now on; publication is the text that sinks record.
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

// Tell makes the server report its commits, as one with track_commit_timestamp does.
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

// Advance moves the slot forward without its client's knowledge, as another session does with pg_replication_slot_advance.
func (s *Script) Advance(confirmed capture.LSN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed = max(s.confirmed, confirmed)
	s.wake()
}

// Drop cuts every connection and drops the slot: the next start creates a snapshot.
func (s *Script) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
	s.slot = false
}

// Delay sets how long a status takes to reach the server; when the connection ends before, the status is lost.
func (s *Script) Delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}
