package pipeline

import (
	"errors"

	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// Tap watches what a sink accepts and rejects. The goroutine of the sink calls it, so it must not wait.
type Tap interface {
	// Accepted gets the events that a Write has accepted, in order, and those of them that went to a dead letter queue. After it has
	// returned it keeps no reference to their memory.
	Accepted(events []transform.Event, diverted []sink.Diverted)
	// Rejected gets an event that has halted the sink, once however often it is tried.
	Rejected(why *sink.Rejected)
}

func (r *sinkRunner) addDiverted(d sink.Diverted) {
	if r.tap != nil {
		r.diverted = append(r.diverted, d)
	}
}

// tapAccepted shows events that the writer has accepted to the tap.
func (r *sinkRunner) tapAccepted(events []transform.Event) {
	if r.tap == nil {
		return
	}
	r.tap.Accepted(events, r.diverted)
	clear(r.diverted)
	r.diverted = r.diverted[:0]
}

// tapBefore shows the events that the writer has accepted before the one that it rejected.
func (r *sinkRunner) tapBefore(err error) {
	var rej *sink.Rejected
	if r.tap == nil || !errors.As(err, &rej) {
		return
	}
	n := 0
	for n < len(r.events) && r.events[n].Change.At().Before(rej.At) {
		n++
	}
	r.tapAccepted(r.events[:n])
}
