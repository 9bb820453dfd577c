package pipeline

import (
	"time"

	"github.com/tailrace/tailrace/capture"
)

// The kinds of a named state.
const (
	OK       = "ok"
	Retrying = "retrying"
	Halted   = "halted"
)

// The roles of a daemon in a pipeline.
const (
	Starting = "starting" // no stream yet
	Active   = "active"   // the slot is ours
	Standby  = "standby"  // another daemon holds it; we take over when it lets go
)

// State is a named state with one wording for the log, /readyz, the API, `tailrace status` and the metrics.
type State struct {
	Name   string    `json:"name"` // "streaming", "snapshot", "starting", "standby", or a trouble's own: snake_case
	Kind   string    `json:"kind"` // OK, Retrying or Halted
	Reason string    `json:"reason,omitempty"`
	Fix    string    `json:"fix,omitempty"`
	Since  time.Time `json:"since"`
}

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
	Copied    int64            `json:"snapshot_rows"`
	Estimated int64            `json:"snapshot_rows_estimated"`
}

// WindowStatus is what lies between the source and the sinks.
type WindowStatus struct {
	Bytes int64 `json:"bytes"`
	Limit int64 `json:"limit"`
}

// SinkStatus is one sink of a pipeline.
type SinkStatus struct {
	Name       string           `json:"name"`
	Kind       string           `json:"kind"` // "kafka"
	State      State            `json:"state"`
	Accepted   capture.Position `json:"accepted"`
	Held       capture.Position `json:"held"`
	LagSeconds float64          `json:"lag_seconds"` // 0 when nothing is pending
	LagBytes   int64            `json:"lag_bytes"`   // of the source's WAL
	Events     int64            `json:"events"`      // accepted since the start
	Rejected   int64            `json:"rejected"`
}
