package redis

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// snapshots reads the source's snapshots. While they cannot be read nothing counts as visible: keys are invalidated, and their
// tombstones list the commits.
type snapshots struct {
	reader  capture.SnapshotReader
	last    capture.Snapshot // the newest that was read
	next    time.Time        // when to look for commits that are not visible yet
	wait    time.Duration    // between looks
	backoff capture.Backoff
	problem *capture.Problem // why the last read failed; nil: it has not
	since   time.Time        // of the problem
	retry   time.Time
}

const (
	snapshotTimeout = 5 * time.Second // how long at most a snapshot takes
	minLookWait     = time.Millisecond
	maxLookWait     = 100 * time.Millisecond
)

// sourceError is a problem of the source that needs an operator.
type sourceError struct{ problem *capture.Problem }

func (e sourceError) Error() string { return e.problem.Error() }
func (e sourceError) Unwrap() error { return e.problem }

// look returns a new snapshot when commits are added, or when it is time to look for those that are not visible; else the zero one, which
// shows nothing.
func (w *worker) look(ctx context.Context, added bool, now time.Time) (capture.Snapshot, error) {
	s := &w.snapshot
	due := len(w.unseen.commits) > 0 && !now.Before(s.next)
	if !added && !due || now.Before(s.retry) {
		return capture.Snapshot{}, nil
	}
	if due {
		s.wait = min(max(2*s.wait, minLookWait), maxLookWait)
		s.next = now.Add(s.wait)
	}
	return s.read(ctx, now)
}

func (s *snapshots) read(ctx context.Context, now time.Time) (capture.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	seen, err := s.reader.ReadSnapshot(ctx)
	if err == nil {
		s.last, s.problem, s.retry = seen, nil, time.Time{}
		s.backoff.Reset()
		return seen, nil
	}
	p := capture.AsProblem(err)
	if p == nil {
		p = &capture.Problem{State: "source_unreachable", Reason: "the source's snapshot cannot be read", Err: err}
	}
	if p.Halted {
		return capture.Snapshot{}, sourceError{p}
	}
	if s.problem == nil {
		s.since = now
	}
	s.problem, s.retry = p, now.Add(s.backoff.Next(err))
	s.next = s.retry
	return capture.Snapshot{}, nil
}

// hurry looks soon: a commit was added that is not visible yet.
func (s *snapshots) hurry(now time.Time) {
	if s.problem == nil {
		s.wait, s.next = minLookWait, now.Add(minLookWait)
	}
}

// shown looks often again: the source goes on.
func (s *snapshots) shown() { s.wait = 0 }

func (s *snapshots) close() { s.reader.Close() }
