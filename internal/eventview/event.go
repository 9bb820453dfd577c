package eventview

import (
	"context"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/transform"
)

// Event is what a sink writes for an event. A nil text is null.
type Event struct {
	Type    string // the event's name, or "<schema>.<table>.<op>" of a plain change
	ID      []byte // as in the header ce_id
	Topic   []byte // nil: the sink has no topics
	Key     []byte
	Headers []Header
	Data    []byte // what a block has made, or the row of a plain change: {"op","row","old","unchanged"}
	Value   []byte // the complete value of the record
	Plain   bool   // no block has made it
}

// Header is one header of an event.
type Header struct {
	Name  string
	Value []byte // nil: null
	Given bool   // by a block; the others are those of the format
}

// Encode returns what the sink writes for an event. Its memory is not shared. An error that rejects the event is a *sink.Rejected;
// the result then has what is known of the event.
func (v *View) Encode(ctx context.Context, ev *transform.Event) (Event, error) {
	if err := v.prepare(ctx, ev.Change.Table); err != nil {
		return Event{}, err
	}
	e, err := v.describe(ev)
	if err != nil {
		return e, err
	}
	if v.topic != nil {
		name, err := v.topic(ev)
		if err != nil {
			return e, err
		}
		e.Topic = []byte(name)
	}
	if v.records == nil {
		return e, nil
	}
	v.buffer = format.Buffer{}
	if err := v.records.Append(&v.buffer, ev); err != nil {
		return e, notEncodable(err)
	}
	r := v.buffer.Records[0] // a second one is the tombstone of a plain delete
	e.Key, e.Value = r.Key, r.Value
	for i, h := range r.Headers {
		e.Headers = append(e.Headers, Header{Name: h.Name, Value: h.Value, Given: i < len(ev.Headers)})
	}
	return e, nil
}

func (v *View) prepare(ctx context.Context, t *capture.Table) error {
	if v.table == t {
		return nil
	}
	for _, e := range []format.Encoder{v.events, v.records} {
		if e == nil {
			continue
		}
		if err := e.Prepare(ctx, t); err != nil {
			return err
		}
	}
	v.table = t
	return nil
}

// describe returns the type, the id and the data of an event, which do not depend on the sink.
func (v *View) describe(ev *transform.Event) (Event, error) {
	plain := *ev
	plain.Headers = nil
	if v.records == nil { // the sink has no keys, so a key that the event lacks is no error
		plain.HasKey = true
	}
	var b format.Buffer
	if err := v.events.Append(&b, &plain); err != nil {
		return Event{}, notEncodable(err)
	}
	r := b.Records[0]
	e := Event{Data: r.Value, Plain: ev.Plain()}
	for _, h := range r.Headers {
		switch h.Name {
		case "ce_type":
			e.Type = string(h.Value)
		case "ce_id":
			e.ID = h.Value
		}
	}
	return e, nil
}

// notEncodable is the rejection of an event that the format cannot encode.
func notEncodable(err error) error { return &sink.Rejected{Reason: format.Reason(err), Err: err} }
