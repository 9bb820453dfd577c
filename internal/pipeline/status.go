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
	Name   string       `json:"name"`
	Role   string       `json:"role"`
	State  State        `json:"state"` // the source's and the line's: the worst thing that concerns every sink
	Source SourceStatus `json:"source"`
	Window WindowStatus `json:"window"`
	Sinks  []SinkStatus `json:"sinks"`
}

// SourceStatus is how the source's server sees us. Sizes are bytes, -1 is unknown.
type SourceStatus struct {
	Kind      string           `json:"kind"` // "postgres"
	Connected bool             `json:"connected"`
	Slot      string           `json:"slot,omitempty"` // its state
	End       capture.LSN      `json:"end"`            // of the server's WAL
	Sent      capture.Position `json:"sent"`           // how far we have confirmed
	Retained  int64            `json:"retained_bytes"`
	Safe      int64            `json:"safe_bytes"`
	LostIn    float64          `json:"lost_in_seconds"` // at the present rate of WAL; -1 is unknown or never
	Copied    int64            `json:"snapshot_rows"`
	Estimated int64            `json:"snapshot_rows_estimated"`
	Stalls    uint64           `json:"stalls"` // of the connection, since the process started
	// Unpublished is how many tables the file takes that the source does not publish; -1 is unknown.
	Unpublished int `json:"tables_unpublished"`
}

// WindowStatus is what lies between the source and the sinks.
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
	Held     capture.Position `json:"held"`
	// Unproven says that the sink is not open, or is joining. Whether it still holds what it held shows when it is open: a
	// target may have failed over to a server that has less. One that is joining does not have a copy of all rows yet.
	Unproven   bool    `json:"unproven,omitempty"`
	LagSeconds float64 `json:"lag_seconds"` // 0 when nothing is pending
	LagBytes   int64   `json:"lag_bytes"`   // of the source's WAL
	Events     int64   `json:"events"`      // accepted since the start
	Rejected   int64   `json:"rejected"`
}

// oldest is the age in seconds of the oldest commit that some sink does not hold.
func (s Status) oldest() (seconds float64) {
	for _, k := range s.Sinks {
		seconds = max(seconds, k.LagSeconds)
	}
	return seconds
}

// Status is the pipeline now. It may be called by any goroutine.
func (p *Pipeline) Status() Status {
	o, observed := p.config.Source.(capture.Observed)
	var health capture.Health
	if observed {
		health = o.Health() // before the state: a snapshot that ends in between must not look like a stream
	}
	p.mu.Lock()
	s := Status{Name: p.config.Name, Role: p.role, State: p.state.Now(), Window: WindowStatus{Limit: p.config.Window}}
	p.mu.Unlock()
	s.Source = SourceStatus{Kind: p.config.SourceKind, Retained: -1, Safe: -1, LostIn: -1, Unpublished: -1}
	s.Window.Bytes, s.Source.Sent = p.lanes[0].flight()
	if observed {
		s.observe(health)
		s.State.Fix = p.config.FixArgs.Complete(s.State.Fix)
	}
	now := time.Now()
	for _, d := range p.lanes[0].sinks {
		s.Sinks = append(s.Sinks, d.status(now, s.Source.End))
	}
	return s
}

func (s *Status) observe(h capture.Health) {
	src := &s.Source
	src.Connected, src.Slot, src.End = h.Connected, h.Slot, max(h.End, src.Sent.Flush())
	src.Retained, src.Safe, src.Copied, src.Estimated = h.Retained, h.Safe, h.Copied, h.Estimated
	src.Stalls, src.Unpublished = h.Stalls, h.Unpublished
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
	default:
		s.State = warned(s.State, h.Warning, h.WarningSince)
	}
}

func (d *delivery) status(now time.Time, end capture.LSN) SinkStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := SinkStatus{
		Name: d.name, Kind: d.kind, State: d.state.Now(), Accepted: d.accepted, Held: d.holds, Unproven: !d.live || d.joining,
		LagSeconds: d.pending.age(now).Seconds(), LagBytes: -1, Events: d.count, Rejected: d.rejected,
	}
	if r, tells := d.sink.(sink.HealthReporter); tells && d.live && s.State.Kind == OK {
		h := r.Health()
		s.State = warned(s.State, h.Warning, h.Since)
	}
	if end > 0 && !d.holds.IsZero() {
		s.LagBytes = max(0, int64(end)-int64(d.holds.Flush()))
	}
	return s
}

// warned is the state of what works, with what it warns of.
func warned(s State, warning *capture.Problem, since time.Time) State {
	if warning == nil {
		return s
	}
	s = stateOf(warning, "failed")
	s.Kind, s.Since = Warning, since.UTC()
	return s
}

// End is the end of the source's WAL now: every commit that has returned stands before it. It asks the server.
func (p *Pipeline) End(ctx context.Context) (capture.LSN, error) {
	if e, ok := p.config.Source.(interface {
		WALEnd(ctx context.Context) (capture.LSN, error)
	}); ok {
		return e.WALEnd(ctx)
	}
	return 0, fmt.Errorf("source %s has no WAL", p.config.SourceKind)
}
