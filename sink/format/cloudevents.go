package format

import (
	"strconv"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// cloudEvents is CloudEvents 1.0 in binary mode, as its Kafka binding says.
type cloudEvents struct {
	shapes
	tombstones bool
	pipeline   string
	source     []byte      // `/tailrace/orders`
	tx         *capture.Tx // what id and time are of
	id         []byte      // `orders/1a2b3c4d/0/16B3748/`
	time       []byte
}

var (
	specVersion = []byte("1.0")
	contentType = []byte("application/json")
)

func newCloudEvents(o Options) *cloudEvents {
	return &cloudEvents{
		shapes:     newShapes(o),
		tombstones: o.Tombstones,
		pipeline:   o.Pipeline,
		source:     []byte("/tailrace/" + o.Pipeline),
	}
}

// Append implements Encoder.
func (e *cloudEvents) Append(b *Buffer, ev *transform.Event) error {
	s := e.of(ev.Change.Table)
	if err := s.fits(ev.Change); err != nil {
		return err
	}
	m := b.mark()
	key, err := b.key(s, ev)
	if err == nil {
		err = e.headers(b, s, ev, key)
	}
	if err != nil {
		b.back(m)
		return err
	}
	r := Record{Key: key, Headers: b.headersSince(m)}
	switch {
	case !ev.Dressed:
		start := len(b.Bytes)
		b.Bytes = append(b.Bytes, s.short[ev.Change.Op]...)
		b.Bytes = append(s.appendChange(b.Bytes, ev.Change), '}')
		r.Value = b.since(start)
	case ev.Data == nil:
		r.Tombstone = true
	default:
		r.Value = b.copy(ev.Data)
	}
	b.Records = append(b.Records, r)
	if e.tombstones {
		b.tombstone(key, ev)
	}
	return nil
}

func (e *cloudEvents) headers(b *Buffer, s *shape, ev *transform.Event, key []byte) error {
	c := ev.Change
	if e.tx != c.Tx {
		e.stamp(c)
	}
	b.given(ev.Headers)
	given := b.Headers[len(b.Headers)-len(ev.Headers):]
	id, err := e.appendID(b, s, ev)
	if err != nil {
		return err
	}
	kind := s.kinds[c.Op]
	if ev.Type != "" {
		kind = b.copy([]byte(ev.Type))
	}
	own := func(name string, value []byte) {
		if !has(given, name) {
			b.header(name, value)
		}
	}
	own("ce_specversion", specVersion)
	own("ce_id", id)
	own("ce_source", e.source)
	own("ce_type", kind)
	own("ce_time", b.copy(e.time))
	if key != nil {
		own("ce_subject", key)
	}
	if !ev.Dressed || ev.Data != nil {
		own("content-type", contentType)
	}
	return nil
}

// has says whether a block gave the header: it is the block's then, as an outbox's id is.
func has(given []transform.Header, name string) bool {
	for i := range given {
		if given[i].Name == name {
			return true
		}
	}
	return false
}

// appendID appends what names the event for ever: the place of its change in the log. A snapshot's rows have no fixed
// order, so there the table's key does, whatever key a block gave; without one it is the order in this snapshot.
func (e *cloudEvents) appendID(b *Buffer, s *shape, ev *transform.Event) ([]byte, error) {
	start := len(b.Bytes)
	b.Bytes = append(b.Bytes, e.id...)
	if ev.Change.Op == capture.Read {
		b.Bytes = append(b.Bytes, s.read...)
	}
	if ev.Change.Op == capture.Read && len(s.key) > 0 {
		var err error
		if b.Bytes, err = s.appendKey(b.Bytes, ev.Change); err != nil {
			return nil, err
		}
	} else {
		b.Bytes = strconv.AppendUint(b.Bytes, ev.Change.Seq, 10)
	}
	if ev.Suffix != "" {
		b.Bytes = append(append(b.Bytes, '/'), ev.Suffix...)
	}
	return b.since(start), nil
}

// stamp renders what all changes of a transaction share.
func (e *cloudEvents) stamp(c *capture.Change) {
	e.tx = c.Tx
	e.id = append(append(e.id[:0], e.pipeline...), '/')
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		e.id = append(e.id, digits[c.Tx.Epoch>>shift&15])
	}
	e.id = append(lsnOf(c).Append(append(e.id, '/')), '/')
	e.time = appendTime(e.time[:0], c.Tx.Time)
}
