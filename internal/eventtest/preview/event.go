package preview

import (
	"context"

	"github.com/tailrace/tailrace/capture"
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

// encode returns what the sink writes for an event. Its memory is not shared.
func (s *Sink) encode(ev *transform.Event) (Event, error) {
	if err := s.prepare(ev.Change.Table); err != nil {
		return Event{}, err
	}
	e, err := s.describe(ev)
	if err != nil {
		return e, err
	}
	if s.topic != nil {
		name, err := s.topic(ev)
		if err != nil {
			return e, err
		}
		e.Topic = []byte(name)
	}
	if s.records == nil {
		return e, nil
	}
	s.buffer = format.Buffer{}
	if err := s.records.Append(&s.buffer, ev); err != nil {
		return e, notEncodable(err)
	}
	r := s.buffer.Records[0] // a second one is the tombstone of a plain delete
	e.Key, e.Value = r.Key, r.Value
	for i, h := range r.Headers {
		e.Headers = append(e.Headers, Header{Name: h.Name, Value: h.Value, Given: i < len(ev.Headers)})
	}
	return e, nil
}

func (s *Sink) prepare(t *capture.Table) error {
	if s.table == t {
		return nil
	}
	s.table = t
	for _, e := range []format.Encoder{s.events, s.records} {
		if e == nil {
			continue
		}
		if err := e.Prepare(context.Background(), t); err != nil {
			return err
		}
	}
	return nil
}

// describe returns the type, the id and the data of an event, which do not depend on the sink.
func (s *Sink) describe(ev *transform.Event) (Event, error) {
	plain := *ev
	plain.Headers = nil
	if s.records == nil { // the sink has no keys, so a key that the event lacks is no error
		plain.HasKey = true
	}
	var b format.Buffer
	if err := s.events.Append(&b, &plain); err != nil {
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
