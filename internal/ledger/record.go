package ledger

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// Record is a record that a correct pipeline writes into the topic of a table.
type Record struct {
	Key   string
	Value []byte
}

// Records returns the change in format = "json", written without any of the daemon's code, for tests of the oracles and of
// the harness. A change of key is two records.
func (c Change) Records() ([]Record, error) {
	if c.OldKey == "" {
		r, err := c.record(c.Op, c.Key, c.Row, c.Old)
		return []Record{r}, err
	}
	del, err := c.record("delete", c.OldKey, nil, c.Old)
	if err != nil {
		return nil, err
	}
	ins, err := c.record("insert", c.Key, c.Row, nil)
	return []Record{del, ins}, err
}

func (c Change) record(op, key string, row, old map[string]Text) (Record, error) {
	e := map[string]any{
		"op": op, "schema": "ledger", "table": c.Table[len("ledger."):],
		"lsn": c.LSN, "seq": c.Seq, "xid": c.XID, "time": c.Time,
	}
	var err error
	if e["row"], err = object(row); err != nil {
		return Record{}, err
	}
	if old != nil {
		if e["old"], err = object(old); err != nil {
			return Record{}, err
		}
	}
	for name, t := range row {
		if t.Kind == 'u' {
			e["unchanged"] = []string{name} // no table has two such columns
		}
	}
	value, err := json.Marshal(e)
	return Record{Key: key, Value: value}, err
}

// object returns a row as JSON; nil for no row.
func object(row map[string]Text) (any, error) {
	if row == nil {
		return nil, nil
	}
	m := map[string]any{}
	for name, t := range row {
		switch t.Kind {
		case 'u':
		case 'n':
			m[name] = nil
		default:
			v, err := t.json()
			if err != nil {
				return nil, fmt.Errorf("write column %s: %w", name, err)
			}
			m[name] = v
		}
	}
	return m, nil
}

func (t Text) json() (any, error) {
	switch t.Type {
	case pgtype.Int4OID, pgtype.Int8OID:
		return json.Number(t.Value), nil
	case jsonbOID:
		return json.RawMessage(t.Value), nil
	case timestamptzOID:
		at, err := time.Parse("2006-01-02 15:04:05.999999999Z07", t.Value)
		return at.UTC(), err
	case textArrayOID:
		var list []*string
		err := pgtype.NewMap().Scan(textArrayOID, pgtype.TextFormatCode, []byte(t.Value), &list)
		return list, err
	}
	return t.Value, nil
}
