package format

import (
	"strconv"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// document is the formats json and line.
type document struct {
	shapes
	tx         *capture.Tx // what lsn and rest are of
	lsn        []byte      // `,"lsn":"0/16B3748","seq":`
	rest       []byte      // `,"xid":7,"time":"..."}`
	tombstones bool
	line       bool
}

// Append implements Encoder.
func (d *document) Append(b *Buffer, ev *transform.Event) error {
	s := d.of(ev.Change.Table)
	if err := s.fits(ev.Change); err != nil {
		return err
	}
	m := b.mark()
	key, err := b.key(s, ev)
	if err != nil {
		b.back(m)
		return err
	}
	b.given(ev.Headers)
	r := Record{Key: key, Headers: b.headersSince(m)}
	if ev.Dressed && ev.Data == nil && !d.line {
		r.Tombstone = true
	} else {
		start := len(b.Bytes)
		b.Bytes = d.append(b.Bytes, s, ev)
		r.Value = b.since(start)
	}
	b.Records = append(b.Records, r)
	if d.tombstones {
		b.tombstone(key, ev)
	}
	return nil
}

func (d *document) append(dst []byte, s *shape, ev *transform.Event) []byte {
	c := ev.Change
	dst = append(dst, s.full[c.Op]...)
	if ev.Type != "" || ev.Keyed || ev.Dressed {
		dst = appendDress(dst, ev)
	}
	if !ev.Dressed {
		dst = s.appendChange(dst, c)
	}
	if d.tx != c.Tx {
		d.stamp(c)
	}
	dst = append(dst, d.lsn...)
	dst = strconv.AppendUint(dst, c.Seq, 10)
	return append(dst, d.rest...)
}

// appendDress appends what a block gave: type, key and data.
func appendDress(dst []byte, ev *transform.Event) []byte {
	if ev.Type != "" {
		dst = jsonvalue.AppendString(append(dst, `,"type":`...), []byte(ev.Type))
	}
	if ev.Keyed {
		dst = append(dst, `,"key":`...)
		if ev.Key == nil {
			dst = append(dst, "null"...)
		} else {
			dst = jsonvalue.AppendString(dst, ev.Key)
		}
	}
	if ev.Dressed {
		dst = append(dst, `,"data":`...)
		if ev.Data == nil {
			return append(dst, "null"...)
		}
		return jsonvalue.AppendDocument(dst, ev.Data)
	}
	return dst
}

// stamp renders what all changes of a transaction share.
func (d *document) stamp(c *capture.Change) {
	d.tx = c.Tx
	d.lsn = lsnOf(c).Append(append(d.lsn[:0], `,"lsn":"`...))
	d.lsn = append(d.lsn, `","seq":`...)
	d.rest = append(d.rest[:0], `,"xid":`...)
	if c.Tx.XID == 0 {
		d.rest = append(d.rest, "null"...)
	} else {
		d.rest = strconv.AppendUint(d.rest, uint64(c.Tx.XID), 10)
	}
	d.rest = append(d.rest, `,"time":"`...)
	d.rest = appendTime(d.rest, c.Tx.Time)
	d.rest = append(d.rest, `"}`...)
}

// lsnOf is the commit's place, or the snapshot's consistent point.
func lsnOf(c *capture.Change) capture.LSN {
	if c.Op == capture.Read {
		return c.Tx.Snapshot()
	}
	return c.Tx.LSN
}

// appendTime appends RFC 3339 in UTC with microseconds, all six digits.
func appendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
}
