package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
)

// secondSlot is the name of the slot, and the publication, of the reference.
const secondSlot = "ledger_reference"

// CreateReference makes the second slot, and its publication. It is to be made before the daemon's.
func CreateReference(ctx context.Context, conn *pgx.Conn) error {
	sql := fmt.Sprintf("create publication %s for table %s", secondSlot, strings.Join(Tables(), ", "))
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("create reference publication: %w", err)
	}
	if _, err := conn.Exec(ctx, "select pg_create_logical_replication_slot($1, 'pgoutput')", secondSlot); err != nil {
		return fmt.Errorf("create reference slot: %w", err)
	}
	return nil
}

// ReadReference reads the second slot to its end, through SQL: what Postgres itself decodes, in the order of commits.
// It can be read once. Its values are compared with UTC in mind: the session's time zone is set.
func ReadReference(ctx context.Context, conn *pgx.Conn) ([]Change, error) {
	if _, err := conn.Exec(ctx, "set timezone = 'UTC'"); err != nil {
		return nil, fmt.Errorf("read reference slot: %w", err)
	}
	d := decoder{relations: map[uint32]*pglogrepl.RelationMessage{}}
	for {
		had := d.messages
		if err := d.some(ctx, conn); err != nil {
			return nil, fmt.Errorf("read reference slot: %w", err)
		}
		if d.messages == had {
			return d.changes, nil
		}
	}
}

type decoder struct {
	relations map[uint32]*pglogrepl.RelationMessage
	begin     *pglogrepl.BeginMessage
	seq       uint64
	changes   []Change
	messages  int
}

// some reads whole transactions of some thousand messages.
func (d *decoder) some(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `select data from pg_logical_slot_get_binary_changes($1, null, 20000,
		'proto_version', '1', 'publication_names', $2)`, secondSlot, secondSlot)
	if err != nil {
		return err
	}
	var data []byte
	_, err = pgx.ForEachRow(rows, []any{&data}, func() error {
		d.messages++
		m, err := pglogrepl.Parse(data)
		if err != nil {
			return err
		}
		return d.take(m)
	})
	return err
}

func (d *decoder) take(m pglogrepl.Message) error {
	switch m := m.(type) {
	case *pglogrepl.RelationMessage:
		d.relations[m.RelationID] = m
	case *pglogrepl.BeginMessage:
		d.begin, d.seq = m, 0
	case *pglogrepl.CommitMessage, *pglogrepl.TypeMessage:
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

func (d *decoder) add(op string, relation uint32, identity uint8, old, row *pglogrepl.TupleData) error {
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
		maps.DeleteFunc(c.Old, func(name string, _ Text) bool { return !slices.Contains(keys[c.Table], name) })
	}
	c.Key = key(c.Table, c.Row)
	if row == nil {
		c.Key = key(c.Table, c.Old)
	} else if old != nil && key(c.Table, c.Old) != c.Key {
		c.OldKey = key(c.Table, c.Old)
	}
	d.changes = append(d.changes, c)
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

// key is the record's key: a JSON object of the key columns.
func key(table string, row map[string]Text) string {
	var b strings.Builder
	for i, name := range keys[table] {
		value := row[name].Value
		if table == badge {
			quoted, _ := json.Marshal(value) // a string can always be quoted
			value = string(quoted)
		}
		fmt.Fprintf(&b, "%c%q:%s", "{,"[min(i, 1)], name, value)
	}
	return b.String() + "}"
}
