package ledger

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Partition names a partition of a topic.
type Partition struct {
	Topic string
	ID    int32
}

// String returns topic/partition.
func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.ID) }

// Observation is one record of a topic: a change, or an event that a block has made of one.
type Observation struct {
	Partition Partition
	Offset    int64
	Key       string // the record's key; "" for a null key
	ID        string // the header ce_id, else composed of lsn, seq, op and key
	Payload   []byte // the record's value, owned by the observation

	Op        string // insert, update, delete, truncate, read; event
	Table     string // schema.table; of an event, its topic
	Row       json.RawMessage
	Old       json.RawMessage
	Unchanged []string
	LSN       capture.LSN // of the commit record
	Seq       uint64      // within the transaction
	XID       uint64
	Time      time.Time // of the commit
	Trace     string    // of an event: "<traceparent> <tracestate>"; "": none

	Image Image // Row's, or Old's for a delete: the columns that every oracle needs
}

// Image holds the columns that the oracles need without parsing the whole row. A column that the row lacks is nil.
type Image struct {
	Ver      *int64 `json:"ver"`
	Prev     *int64 `json:"prev_ver"`
	Serial   *int64 `json:"serial"`
	Balance  *int64 `json:"balance"`
	TxnNo    *int64 `json:"txn_no"`
	XID      *int64 `json:"xid"`
	NChanges *int64 `json:"n_changes"`
	Digest   *string
}

type event struct {
	Op        string          `json:"op"`
	Schema    string          `json:"schema"`
	Table     string          `json:"table"`
	Row       json.RawMessage `json:"row"`
	Old       json.RawMessage `json:"old"`
	Unchanged []string        `json:"unchanged"`
	LSN       capture.LSN     `json:"lsn"`
	Seq       *uint64         `json:"seq"`
	XID       uint64          `json:"xid"`
	Time      time.Time       `json:"time"`
}

// Observe reads the record of a change, as format = "json" writes it; id is its header ce_id, "" when it has none. It keeps value.
func Observe(p Partition, offset int64, key, value []byte, id string) (Observation, error) {
	o := Observation{Partition: p, Offset: offset, Key: string(key), ID: id, Payload: value}
	var e event
	if err := json.Unmarshal(value, &e); err != nil {
		return o, fmt.Errorf("read event at %s@%d: %w", p, offset, err)
	}
	if e.Seq == nil || e.Op == "" || e.Table == "" || e.LSN == 0 {
		return o, fmt.Errorf("read event at %s@%d: op, table, lsn or seq is missing", p, offset)
	}
	o.Op, o.Table, o.Unchanged = e.Op, e.Schema+"."+e.Table, e.Unchanged
	o.LSN, o.Seq, o.XID, o.Time = e.LSN, *e.Seq, e.XID, e.Time
	o.Row, o.Old = image(e.Row), image(e.Old)
	if o.ID == "" {
		o.ID = fmt.Sprintf("%s/%d/%s/%s/%s", o.LSN, o.Seq, o.Op, o.Table, o.Key)
	}
	from := o.Row
	if from == nil {
		from = o.Old
	}
	if from == nil {
		return o, nil
	}
	if err := json.Unmarshal(from, &o.Image); err != nil {
		return o, fmt.Errorf("read row at %s@%d: %w", p, offset, err)
	}
	return o, nil
}

// image turns a JSON null into the absence that it stands for.
func image(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// Subject returns the name of the row: table and key.
func (o Observation) Subject() string { return o.Table + " " + o.Key }

// Place returns where the event was seen: topic/partition@offset.
func (o Observation) Place() string { return fmt.Sprintf("%s@%d", o.Partition, o.Offset) }

// At returns the event's position in the source: commit and number in it.
func (o Observation) At() capture.Position { return capture.Position{LSN: o.LSN, Seq: o.Seq} }

// snapshot reports whether the event is a row of a snapshot, not a change.
func (o Observation) snapshot() bool { return o.Op == "read" }

func (o Observation) String() string {
	s := o.Op + " of " + o.Subject()
	if o.Image.Ver != nil {
		s += fmt.Sprintf(" ver %d", *o.Image.Ver)
	}
	return fmt.Sprintf("%s (%s at %s)", s, o.At(), o.Place())
}
