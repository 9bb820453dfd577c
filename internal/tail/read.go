package tail

import (
	"encoding/binary"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// entry is a record that was read. Its texts belong to the memory of the record.
type entry struct {
	event         transform.Event
	change        capture.Change
	omitted       map[string]int // sizes in bytes of what did not fit, by names
	rejected      bool
	halting       bool // table and key are set instead of the event
	table, key    string
	reason, cause string
}

// reader reads one record, which only writer has written.
type reader struct {
	in    []byte
	entry *entry
}

// readEntry reads a record of s.
func readEntry(s *slot, record []byte) *entry {
	e := &entry{}
	e.change = capture.Change{Tx: &s.tx, Op: capture.Op(record[1]), Table: s.table}
	r := reader{record[2:], e}
	flags := record[0]
	e.change.Seq = r.number()
	if e.halting = flags&isHalting != 0; e.halting || flags&isDiverted != 0 {
		e.rejected = true
		e.reason, e.cause = string(r.text("reason")), string(r.text("error"))
	}
	if e.halting {
		e.table, e.key = string(r.text("table")), string(r.text("key"))
		return e
	}
	r.readEvent(flags)
	return e
}

func (r *reader) readEvent(flags byte) {
	ev := &r.entry.event
	*ev = transform.Event{
		Change: &r.entry.change, HasKey: flags&hasKey != 0, HasData: flags&hasData != 0, Opaque: flags&isOpaque != 0,
		Suffix: string(r.text("suffix")), Type: string(r.text("type")), Topic: string(r.text("topic")), ID: r.text("id"), Key: r.text("key"),
	}
	for range r.number() {
		name := string(r.text("header"))
		ev.Headers = append(ev.Headers, transform.Header{Name: name, Value: r.text("header " + name)})
	}
	ev.Data = r.text("data")
	r.entry.change.After = r.row("")
	r.entry.change.Before = r.row("old.")
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.in)
	r.in = r.in[size:]
	return n
}

// text reads a text; nil when it is null or was omitted.
func (r *reader) text(name string) []byte {
	switch n := r.number(); n {
	case textNil:
		return nil
	case textOmitted:
		r.omit(name, r.number())
		return nil
	default:
		end := int(n - textBegins)
		text := r.in[:end:end]
		r.in = r.in[end:]
		return text
	}
}

func (r *reader) omit(name string, size uint64) {
	if r.entry.omitted == nil {
		r.entry.omitted = map[string]int{}
	}
	r.entry.omitted[name] = int(size)
}

// row reads an image of a row. A value that was omitted is Absent.
func (r *reader) row(prefix string) []capture.Value {
	n := r.number()
	if n == 0 {
		return nil
	}
	row := make([]capture.Value, n-1)
	for i := range row {
		row[i].Kind = capture.ValueKind(r.in[0])
		if r.in = r.in[1:]; row[i].Kind != capture.Text {
			continue
		}
		if row[i].Bytes = r.text(prefix + r.column(i)); row[i].Bytes == nil {
			row[i].Kind = capture.Absent
		}
	}
	return row
}

func (r *reader) column(i int) string {
	if t := r.entry.change.Table; i < len(t.Columns) {
		return t.Columns[i].Name
	}
	return "?"
}
