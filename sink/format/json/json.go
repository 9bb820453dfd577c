// Package json is the formats json and line: one JSON object per event, with everything in it.
package json

import (
	"context"
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// New returns the encoder of the format json.
func New(o format.Options) format.Encoder {
	return &document{shapes: format.NewShapes(o), tombstones: o.Tombstones}
}

// NewLine returns the encoder of the format line.
func NewLine(o format.Options) format.Encoder {
	return &document{shapes: format.NewShapes(o), line: true}
}

// document is the formats json and line.
type document struct {
	shapes     format.Shapes
	tx         *capture.Tx // what lsn and rest are of
	lsn        []byte      // `,"lsn":"0/16B3748","seq":`
	rest       []byte      // `,"xid":7,"time":"..."}`
	typ        []byte      // memory for the type of an event
	tombstones bool
	line       bool
}

// Prepare implements format.Encoder.
func (d *document) Prepare(_ context.Context, t *capture.Table) error {
	d.shapes.Prepare(t)
	return nil
}

// Append implements format.Encoder.
func (d *document) Append(b *format.Buffer, ev *transform.Event) error {
	s, err := d.shapes.Of(ev.Change)
	if err != nil {
		return err
	}
	m := b.Mark()
	key, err := b.AppendKey(s, ev)
	if err != nil {
		b.Rewind(m)
		return err
	}
	b.AddGiven(ev.Headers)
	r := format.Record{Key: key, Headers: b.HeadersSince(m)}
	if ev.HasData && ev.Data == nil && !d.line {
		r.Tombstone = true
	} else {
		start := len(b.Bytes)
		b.Bytes = d.append(b.Bytes, s, ev)
		r.Value = b.Since(start)
	}
	b.Records = append(b.Records, r)
	if d.tombstones {
		b.AddTombstone(key, ev)
	}
	return nil
}

func (d *document) append(dst []byte, s *format.Shape, ev *transform.Event) []byte {
	c := ev.Change
	dst = append(dst, s.Head[c.Op]...)
	if ev.Type != "" || ev.ID != nil || ev.HasKey || ev.HasData {
		dst = d.appendSet(dst, ev)
	}
	if !ev.HasData {
		dst = s.AppendChange(dst, c)
	}
	if d.tx != c.Tx {
		d.stamp(c)
	}
	dst = append(dst, d.lsn...)
	dst = strconv.AppendUint(dst, c.Seq, 10)
	return append(dst, d.rest...)
}

// appendSet appends what a block has set: type, id, key and data.
func (d *document) appendSet(dst []byte, ev *transform.Event) []byte {
	if ev.Type != "" {
		d.typ = append(d.typ[:0], ev.Type...)
		dst = jsonvalue.AppendString(append(dst, `,"type":`...), d.typ)
	}
	if ev.ID != nil {
		dst = jsonvalue.AppendString(append(dst, `,"id":`...), ev.ID)
	}
	if ev.HasKey {
		dst = append(dst, `,"key":`...)
		if ev.Key == nil {
			dst = append(dst, "null"...)
		} else {
			dst = jsonvalue.AppendString(dst, ev.Key)
		}
	}
	if ev.HasData {
		dst = appendData(dst, ev)
	}
	return dst
}

// appendData appends the payload. Bytes that no JSON string can hold are in base64, under the name that CloudEvents gives them.
func appendData(dst []byte, ev *transform.Event) []byte {
	switch {
	case ev.Data == nil:
		return append(dst, `,"data":null`...)
	case ev.Opaque && !utf8.Valid(ev.Data):
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"data_base64":"`...), ev.Data)
		return append(dst, '"')
	}
	return jsonvalue.AppendDocument(append(dst, `,"data":`...), ev.Data)
}

// stamp renders what all changes of a transaction share.
func (d *document) stamp(c *capture.Change) {
	d.tx = c.Tx
	d.lsn = format.LSN(c).Append(append(d.lsn[:0], `,"lsn":"`...))
	d.lsn = append(d.lsn, `","seq":`...)
	d.rest = append(d.rest[:0], `,"xid":`...)
	if c.Tx.XID == 0 {
		d.rest = append(d.rest, "null"...)
	} else {
		d.rest = strconv.AppendUint(d.rest, uint64(c.Tx.XID), 10)
	}
	d.rest = append(d.rest, `,"time":"`...)
	d.rest = format.AppendTime(d.rest, c.Tx.Time)
	d.rest = append(d.rest, `"}`...)
}
