// Package cloudevents is the format cloudevents: CloudEvents 1.0 in binary mode, whose attributes are headers.
package cloudevents

import (
	"context"
	"strconv"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// encoder follows the Kafka binding of CloudEvents 1.0, in binary mode.
type encoder struct {
	shapes     format.Shapes
	tombstones bool
	pipeline   string
	source     []byte      // `/tailrace/orders`
	tx         *capture.Tx // what id and time are of
	id         []byte      // `orders/1a2b3c4d/0/16B3748/`
	time       []byte
}

var (
	specVersion = []byte("1.0")
	contentJSON = []byte("application/json")
	contentData = []byte("application/octet-stream")
)

// New returns the encoder of the format.
func New(o format.Options) format.Encoder {
	return &encoder{
		shapes:     format.NewShapes(o),
		tombstones: o.Tombstones,
		pipeline:   o.Pipeline,
		source:     []byte("/tailrace/" + o.Pipeline),
	}
}

// Prepare implements format.Encoder.
func (e *encoder) Prepare(_ context.Context, t *capture.Table) error {
	e.shapes.Prepare(t)
	return nil
}

// Append implements format.Encoder.
func (e *encoder) Append(b *format.Buffer, ev *transform.Event) error {
	s, err := e.shapes.Of(ev.Change)
	if err != nil {
		return err
	}
	m := b.Mark()
	key, err := b.AppendKey(s, ev)
	if err == nil {
		err = e.headers(b, s, ev, key)
	}
	if err != nil {
		b.Rewind(m)
		return err
	}
	r := format.Record{Key: key, Headers: b.HeadersSince(m)}
	switch {
	case !ev.HasData:
		start := len(b.Bytes)
		b.Bytes = append(b.Bytes, s.ShortHead[ev.Change.Op]...)
		b.Bytes = append(s.AppendChange(b.Bytes, ev.Change), '}')
		r.Value = b.Since(start)
	case ev.Data == nil:
		r.Tombstone = true
	default:
		r.Value = b.Copy(ev.Data)
	}
	b.Records = append(b.Records, r)
	if e.tombstones {
		b.AddTombstone(key, ev)
	}
	return nil
}

func (e *encoder) headers(b *format.Buffer, s *format.Shape, ev *transform.Event, key []byte) error {
	c := ev.Change
	if e.tx != c.Tx {
		e.stamp(c)
	}
	b.AddGiven(ev.Headers)
	given := b.Headers[len(b.Headers)-len(ev.Headers):]
	id, err := e.appendID(b, s, ev)
	if err != nil {
		return err
	}
	kind := s.EventType[c.Op]
	if ev.Type != "" {
		kind = b.Copy([]byte(ev.Type))
	}
	own := func(name string, value []byte) {
		if !has(given, name) {
			b.AddHeader(name, value)
		}
	}
	own("ce_specversion", specVersion)
	own("ce_id", id)
	own("ce_source", e.source)
	own("ce_type", kind)
	own("ce_time", b.Copy(e.time))
	if key != nil {
		own("ce_subject", key)
	}
	if !ev.HasData || ev.Data != nil {
		own("content-type", contentType(ev))
	}
	if len(given) > 0 {
		b.Headers = appendTrace(b.Headers, given)
	}
	return nil
}

// contentType returns the type of an event's value.
func contentType(ev *transform.Event) []byte {
	if ev.Opaque && !jsonvalue.Valid(ev.Data) {
		return contentData
	}
	return contentJSON
}

// has reports whether a block has set the header, which then replaces ours.
func has(given []transform.Header, name string) bool {
	for i := range given {
		if given[i].Name == name {
			return true
		}
	}
	return false
}

// appendID appends the permanent id of the event: the one that a block has set, else the position of its change in the log. The
// rows of a snapshot have no fixed order, so there it is the table's key, even if a block has set another key; without a key it is
// the order in this snapshot.
func (e *encoder) appendID(b *format.Buffer, s *format.Shape, ev *transform.Event) ([]byte, error) {
	if ev.ID != nil {
		return b.Copy(ev.ID), nil
	}
	start := len(b.Bytes)
	b.Bytes = append(b.Bytes, e.id...)
	if ev.Change.Op == capture.Read {
		b.Bytes = append(b.Bytes, s.ReadID...)
	}
	if ev.Change.Op == capture.Read && s.HasKey() {
		var err error
		if b.Bytes, err = s.AppendKey(b.Bytes, ev.Change); err != nil {
			return nil, err
		}
	} else {
		b.Bytes = strconv.AppendUint(b.Bytes, ev.Change.Seq, 10)
	}
	if ev.Suffix != "" {
		b.Bytes = append(append(b.Bytes, '/'), ev.Suffix...)
	}
	return b.Since(start), nil
}

// stamp renders what all changes of a transaction share.
func (e *encoder) stamp(c *capture.Change) {
	e.tx = c.Tx
	e.id = append(append(e.id[:0], e.pipeline...), '/')
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		e.id = append(e.id, digits[c.Tx.Epoch>>shift&15])
	}
	e.id = append(format.LSN(c).Append(append(e.id, '/')), '/')
	e.time = format.AppendTime(e.time[:0], c.Tx.Time)
}
