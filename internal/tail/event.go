package tail

import (
	"context"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/tailrace/tailrace/internal/eventview"
	"github.com/tailrace/tailrace/sink"
)

// Event is an event of a sink as an operator sees it: what the sink publishes, after its masks.
type Event struct {
	Sink    string             `json:"sink"`
	Topic   string             `json:"topic,omitempty"` // "": the sink has no topics
	Table   string             `json:"table"`           // "schema.table", or the prefix of a message
	Type    string             `json:"type,omitempty"`
	ID      string             `json:"id,omitempty"`
	Op      string             `json:"op,omitempty"`
	LSN     string             `json:"lsn"`
	Seq     uint64             `json:"seq"`
	Time    *time.Time         `json:"time,omitempty"` // of the commit, by the source's clock
	Key     *string            `json:"key"`
	Headers map[string]*string `json:"headers,omitempty"` // those of the file
	// Data is the payload, or the row of a plain change; absent when it is not known or was omitted.
	Data       json.RawMessage `json:"data,omitempty"`
	DataBase64 []byte          `json:"data_base64,omitempty"` // a payload that is no text
	Omitted    map[string]int  `json:"omitted,omitempty"`     // sizes in bytes of what is too large to be kept, by names
	Rejected   *Rejection      `json:"rejected,omitempty"`
	Problem    string          `json:"problem,omitempty"` // why the event cannot be shown completely
}

// Rejection is why the target cannot accept an event.
type Rejection struct {
	Reason string `json:"reason"` // as in the label of tailrace_events_rejected_total
	Error  string `json:"error"`
}

// show returns the event of a record, in memory of its own.
func show(ctx context.Context, name string, view *eventview.View, e *entry) *Event {
	c := &e.change
	out := &Event{Sink: name, Table: e.table, LSN: c.At().Flush().String(), Seq: c.Seq, Omitted: e.omitted}
	if e.rejected {
		out.Rejected = &Rejection{Reason: e.reason, Error: e.cause}
	}
	if e.halting {
		out.Key = text([]byte(e.key))
		return out
	}
	out.Table, out.Op = c.Table.String(), c.Op.String()
	if at := c.Tx.Time; !at.IsZero() {
		out.Time = &at
	}
	shown, err := view.Encode(ctx, &e.event)
	out.fill(&shown, e)
	var known *sink.Rejected // says the same as out.Rejected
	if err != nil && (!e.rejected || !errors.As(err, &known)) {
		out.Problem = err.Error()
	}
	return out
}

// fill adds what a sink writes for the event.
func (out *Event) fill(v *eventview.Event, e *entry) {
	out.Type, out.ID, out.Topic = v.Type, string(v.ID), string(v.Topic)
	if out.Topic == "" {
		out.Topic = e.event.Topic
	}
	if out.Type == "" {
		out.Type = e.event.Type
	}
	if v.Key == nil && e.event.HasKey {
		v.Key = e.event.Key
	}
	out.Key = text(v.Key)
	for _, h := range e.event.Headers {
		if out.Headers == nil {
			out.Headers = map[string]*string{}
		}
		out.Headers[h.Name] = text(h.Value)
	}
	if _, omitted := e.omitted["data"]; !omitted {
		out.setData(v.Data, e)
	}
}

func (out *Event) setData(data []byte, e *entry) {
	switch {
	case data == nil && e.event.HasData:
		out.Data = json.RawMessage("null")
	case data == nil:
	case json.Valid(data):
		out.Data = data
	case utf8.Valid(data):
		out.Data, _ = json.Marshal(string(data))
	default:
		out.DataBase64 = data
	}
}

func text(b []byte) *string {
	if b == nil {
		return nil
	}
	return new(string(b))
}
