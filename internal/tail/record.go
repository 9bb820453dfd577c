package tail

import (
	"encoding/binary"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// What a record has, by its flags.
const (
	hasKey = 1 << iota
	hasData
	isOpaque
	isDiverted // reason and error follow
	isHalting  // an event that has halted the sink: table, key, reason and error, and nothing else
)

// A text in a record begins with its length plus textBegins, or with one of these.
const (
	textNil     = iota
	textOmitted // its size follows
	textBegins
)

// writer appends one record.
type writer struct {
	out  []byte
	room int // bytes of texts that still fit
}

// appendEvent appends the record of an event: what a sink needs of it to show it. Of a change that a block has given a payload, only the
// key columns are kept: the others are not published.
func appendEvent(dst []byte, e *transform.Event, why *sink.Rejected) []byte {
	c := e.Change
	w := writer{append(dst, flagsOf(e, why), byte(c.Op)), eventBytes}
	w.number(c.Seq)
	if why != nil {
		w.rejection(why)
	}
	w.string(e.Suffix)
	w.string(e.Type)
	w.string(e.Topic)
	w.text(e.ID)
	w.text(e.Key)
	w.number(uint64(len(e.Headers)))
	for i := range e.Headers {
		w.string(e.Headers[i].Name)
		w.text(e.Headers[i].Value)
	}
	w.text(e.Data)
	all, keys := !e.HasData, !e.HasKey || c.Op == capture.Read
	w.row(c.Table, c.After, all, keys)
	w.row(c.Table, c.Before, all, keys)
	return w.out
}

func flagsOf(e *transform.Event, why *sink.Rejected) byte {
	return flag(hasKey, e.HasKey) | flag(hasData, e.HasData) | flag(isOpaque, e.Opaque) | flag(isDiverted, why != nil)
}

func flag(f byte, is bool) byte {
	if is {
		return f
	}
	return 0
}

// appendRejected appends the record of an event that has halted the sink.
func appendRejected(dst []byte, why *sink.Rejected) []byte {
	w := writer{append(dst, isHalting, 0), eventBytes}
	w.number(why.At.Seq)
	w.rejection(why)
	w.string(why.Table)
	w.string(why.Key)
	return w.out
}

func (w *writer) rejection(why *sink.Rejected) {
	w.string(why.Reason)
	text := ""
	if why.Err != nil {
		text = why.Err.Error()
	}
	w.string(text[:min(len(text), eventBytes/4)])
}

func (w *writer) number(n uint64) { w.out = binary.AppendUvarint(w.out, n) }

// text appends a text, or its size if it does not fit.
func (w *writer) text(b []byte) {
	switch {
	case b == nil:
		w.number(textNil)
	case w.fits(len(b)):
		w.out = append(w.out, b...)
	}
}

func (w *writer) string(s string) {
	if w.fits(len(s)) {
		w.out = append(w.out, s...)
	}
}

// fits appends the length of a text, and reports whether it fits.
func (w *writer) fits(n int) bool {
	if n > w.room {
		w.number(textOmitted)
		w.number(uint64(n))
		return false
	}
	w.room -= n
	w.number(uint64(n) + textBegins)
	return true
}

// row appends an image of a row: all of its values, its key columns, or only how many values it has.
func (w *writer) row(t *capture.Table, row []capture.Value, all, keys bool) {
	if row == nil {
		w.number(0)
		return
	}
	w.number(uint64(len(row)) + 1)
	for i := range row {
		v := row[i]
		if !all && (!keys || i >= len(t.Columns) || !t.Columns[i].Key) {
			v = capture.Value{Kind: capture.Absent}
		}
		if w.out = append(w.out, byte(v.Kind)); v.Kind == capture.Text {
			if v.Bytes == nil {
				v.Bytes = []byte{}
			}
			w.text(v.Bytes)
		}
	}
}
