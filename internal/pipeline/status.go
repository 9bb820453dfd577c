package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// Status is a pipeline as the API shows it.
type Status struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	State State  `json:"state"` // of the source and of the pipeline itself: the worst problem that concerns every sink
	// Warnings are those that the source has besides the one that is State. Others are not shown while State is a problem.
	Warnings []State      `json:"warnings,omitempty"`
	Source   SourceStatus `json:"source"`
	Window   WindowStatus `json:"window"`
	Sinks    []SinkStatus `json:"sinks"`
}

// SourceStatus is what the source's server reports of this pipeline. Sizes are in bytes, -1 is unknown.
type SourceStatus struct {
	Kind      string           `json:"kind"` // "postgres"
	Connected bool             `json:"connected"`
	Slot      string           `json:"slot,omitempty"` // its state
	End       capture.LSN      `json:"end"`            // of the server's WAL
	Confirmed capture.Position `json:"sent"`           // what was confirmed to the source
	Retained  int64            `json:"retained_bytes"`
	Safe      int64            `json:"safe_bytes"`
	LostIn    float64          `json:"lost_in_seconds"` // at the current rate of WAL; -1 is unknown or never
	Copied    int64            `json:"snapshot_rows"`
	Estimated int64            `json:"snapshot_rows_estimated"`
	Stalls    uint64           `json:"stalls"` // of the connection, since the process started
	// Unpublished is how many tables the file selects that the source does not publish; -1 is unknown.
	Unpublished int `json:"tables_unpublished"`
	// AnnotationsIgnored is how many messages could not annotate their transaction, since the process started.
	AnnotationsIgnored uint64 `json:"annotations_ignored"`
}

// WindowStatus is what is in flight between the source and the sinks.
type WindowStatus struct {
	Bytes int64 `json:"bytes"`
	Limit int64 `json:"limit"`
}

// SinkStatus is one sink of a pipeline.
type SinkStatus struct {
	Name     string           `json:"name"`
	Kind     string           `json:"kind"` // "kafka"
	State    State            `json:"state"`
	Accepted capture.Position `json:"accepted"`
	Durable  capture.Position `json:"held"`
	// Applied is up to where readers of the sink see everything: Durable, except for a sink that acknowledges late by design. There
	// HoldSeconds is for how long the oldest commit has been waiting to be acknowledged.
	Applied     capture.Position `json:"applied"`
	HoldSeconds float64          `json:"hold_seconds"`
	// Unproven reports whether the sink is not open, or is joining. While it is not open Durable may be outdated: the target may
	// have failed over to a server that has less. A sink that is joining does not have a copy of all rows yet.
	Unproven   bool    `json:"unproven,omitempty"`
	LagSeconds float64 `json:"lag_seconds"` // 0 when nothing is pending
	LagBytes   int64   `json:"lag_bytes"`   // of the source's WAL
	Events     int64   `json:"events"`      // accepted since the start
	Rejected   int64   `json:"rejected"`
}

// oldest is the age in seconds of the oldest commit that is not in every sink.
func (s Status) oldest() (seconds float64) {
	for _, k := range s.Sinks {
		seconds = max(seconds, k.LagSeconds)
	}
	return seconds
}

// Status returns the current status. Any goroutine may call it.
func (p *Pipeline) Status() Status {
	o, observed := p.config.Source.(capture.HealthReporter)
	var health capture.Health
	if observed {
		health = o.Health() // read before the state: a snapshot that ends in between must not look like a stream
	}
	p.mu.Lock()
	s := Status{Name: p.config.Name, Role: p.role, State: p.state.Now(), Window: WindowStatus{Limit: p.config.Window}}
	p.mu.Unlock()
	s.Source = SourceStatus{Kind: p.config.SourceKind, Retained: -1, Safe: -1, LostIn: -1, Unpublished: -1}
	s.Window.Bytes, s.Source.Confirmed = p.lanes[0].inFlight()
	if observed {
		s.observe(health)
		s.State.Fix = p.config.FixArgs.Complete(s.State.Fix)
		for i := range s.Warnings {
			s.Warnings[i].Fix = p.config.FixArgs.Complete(s.Warnings[i].Fix)
		}
	}
	now := time.Now()
	for _, r := range p.lanes[0].sinks {
		s.Sinks = append(s.Sinks, r.status(now, s.Source.End))
	}
	return s
}

func (s *Status) observe(h capture.Health) {
	src := &s.Source
	src.Connected, src.Slot, src.End = h.Connected, h.Slot, max(h.End, src.Confirmed.Flush())
	src.Retained, src.Safe, src.Copied, src.Estimated = h.Retained, h.Safe, h.Copied, h.Estimated
	src.Stalls, src.Unpublished, src.AnnotationsIgnored = h.Stalls, h.Unpublished, h.AnnotationsIgnored
	if h.Safe >= 0 && h.Rate > 0 {
		src.LostIn = float64(h.Safe) / h.Rate
	}
	switch {
	case s.State.Name != "streaming":
	case h.Waiting != nil:
		s.State = stateOf(h.Waiting, "failed")
		s.State.Since = h.WaitingSince.UTC()
	case h.Copying:
		s.State.Name = "snapshot"
	case len(h.Warnings) > 0:
		s.State = withWarning(s.State, h.Warnings[0].Problem, h.Warnings[0].Since)
		for _, w := range h.Warnings[1:] {
			s.Warnings = append(s.Warnings, withWarning(State{}, w.Problem, w.Since))
		}
	}
}

func (r *sinkRunner) status(now time.Time, end capture.LSN) SinkStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	applied, unapplied := r.appliedLocked()
	s := SinkStatus{
		Name: r.name, Kind: r.kind, State: r.state.Now(), Accepted: r.acceptedPos, Durable: r.durablePos, Applied: applied,
		Unproven: !r.live || r.joining, LagSeconds: unapplied.age(now).Seconds(), LagBytes: -1, Events: r.eventCount, Rejected: r.rejectedCount,
	}
	if r.acksLate {
		s.HoldSeconds = r.pending.age(now).Seconds()
	}
	if reporter, can := r.sink.(sink.HealthReporter); can && r.live && s.State.Kind == OK {
		h := reporter.Health()
		if h.Blocked != nil {
			s.State = stateOf(h.Blocked, "sink_error")
			s.State.Since, s.State.Fix = h.Since.UTC(), r.fixArgs.Complete(s.State.Fix)
		} else {
			s.State = withWarning(s.State, h.Warning, h.Since)
		}
	}
	if p, since := r.cleanup.warning(); s.State.Kind == OK {
		s.State = withWarning(s.State, p, since)
	}
	if end > 0 && !applied.IsZero() {
		s.LagBytes = max(0, int64(end)-int64(applied.Flush()))
	}
	return s
}

// withWarning returns the state of a source or sink that works, as that of its warning if there is one.
func withWarning(s State, warning *capture.Problem, since time.Time) State {
	if warning == nil {
		return s
	}
	s = stateOf(warning, "failed")
	s.Kind, s.Since = Warning, since.UTC()
	return s
}

// End asks the server for the current end of its WAL: every commit that has returned lies before it.
func (p *Pipeline) End(ctx context.Context) (capture.LSN, error) {
	if w, ok := p.config.Source.(capture.WALEnd); ok {
		return w.WALEnd(ctx)
	}
	return 0, fmt.Errorf("a source of type %q has no write-ahead log", p.config.SourceKind)
}
