package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pglogrepl"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// Decoder builds Changes from pgoutput's messages (protocol version 1), with pglogrepl and not with our own decoder. The
// zero value is ready for use.
type Decoder struct {
	Changes []Change    // so far; the caller may remove them
	Commit  capture.LSN // the end of the last commit record

	relations map[uint32]*pglogrepl.RelationMessage
	begin     *pglogrepl.BeginMessage
	seq       uint64
}

// Take processes the next message.
func (d *Decoder) Take(data []byte) error {
	m, err := pglogrepl.Parse(data)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *pglogrepl.RelationMessage:
		if d.relations == nil {
			d.relations = map[uint32]*pglogrepl.RelationMessage{}
		}
		d.relations[m.RelationID] = m
	case *pglogrepl.BeginMessage:
		d.begin, d.seq = m, 0
	case *pglogrepl.CommitMessage:
		d.Commit = capture.LSN(m.TransactionEndLSN)
	case *pglogrepl.TypeMessage:
	case *pglogrepl.InsertMessage:
		return d.add("insert", m.RelationID, 0, nil, m.Tuple)
	case *pglogrepl.UpdateMessage:
		return d.add("update", m.RelationID, m.OldTupleType, m.OldTuple, m.NewTuple)
	case *pglogrepl.DeleteMessage:
		return d.add("delete", m.RelationID, m.OldTupleType, m.OldTuple, nil)
	default:
		return fmt.Errorf("nothing in the workload makes a %s message", m.Type())
	}
	return nil
}

func (d *Decoder) add(op string, relation uint32, identity uint8, old, row *pglogrepl.TupleData) error {
	r := d.relations[relation]
	if r == nil {
		return fmt.Errorf("relation %d was not described", relation)
	}
	c := Change{
		LSN: capture.LSN(d.begin.FinalLSN), Seq: d.seq, XID: uint64(d.begin.Xid), Time: d.begin.CommitTime.UTC(),
		Op: op, Table: r.Namespace + "." + r.RelationName, Old: texts(r, old), Row: texts(r, row),
	}
	d.seq++
	if identity == pglogrepl.UpdateMessageTupleTypeKey {
		maps.DeleteFunc(c.Old, func(name string, _ Text) bool { return !slices.Contains(workload.Key(c.Table), name) })
	}
	c.Key = key(c.Table, c.Row)
	if row == nil {
		c.Key = key(c.Table, c.Old)
	} else if old != nil && key(c.Table, c.Old) != c.Key {
		c.OldKey = key(c.Table, c.Old)
	}
	d.Changes = append(d.Changes, c)
	return nil
}

func texts(r *pglogrepl.RelationMessage, t *pglogrepl.TupleData) map[string]Text {
	if t == nil {
		return nil
	}
	m := map[string]Text{}
	for i, c := range t.Columns {
		m[r.Columns[i].Name] = Text{Kind: c.DataType, Value: string(c.Data), Type: r.Columns[i].DataType}
	}
	return m
}

// key returns the record's key: a JSON object of the key columns.
func key(table string, row map[string]Text) string {
	var b strings.Builder
	for i, name := range workload.Key(table) {
		value := row[name].Value
		if table == workload.Badge {
			quoted, _ := json.Marshal(value) // a string can always be quoted
			value = string(quoted)
		}
		fmt.Fprintf(&b, "%c%q:%s", "{,"[min(i, 1)], name, value)
	}
	return b.String() + "}"
}
