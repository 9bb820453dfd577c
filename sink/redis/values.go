package redis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/transform"
)

// maxFields is how many fields a hash has at most: a function passes them to one command.
const maxFields = 3500

// maxValue is the size of the longest text that Redis takes, unless its proto-max-bulk-len differs.
const maxValue = 512 << 20

// hashFields returns the members of a JSON object as names and values in turn: a text as it is, any other value as JSON. A null has no
// field.
func hashFields(data []byte) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("the value is not an object, so it has no fields")
	}
	var fields []string
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read the value's fields: %w", err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("read the value's fields: %w", err)
		}
		switch {
		case string(value) == "null":
			continue
		case value[0] == '"':
			var text string
			if err := json.Unmarshal(value, &text); err != nil {
				return nil, fmt.Errorf("read the value's fields: %w", err)
			}
			fields = append(fields, name.(string), text)
		default:
			fields = append(fields, name.(string), string(value))
		}
	}
	if len(fields) > 2*maxFields {
		return nil, fmt.Errorf("the value has %d fields, and a hash at most %d", len(fields)/2, maxFields)
	}
	return fields, nil
}

// newOp returns what an event does to its key; reason is the label of one that Redis cannot take.
func (o *Options) newOp(e *transform.Event) (op op, reason string, err error) {
	op.key = string(e.Key)
	if e.Type != transform.Refresh {
		return op, "", nil
	}
	op.refresh = true
	if len(e.Data) > o.MaxValue {
		return op, "value_too_large", fmt.Errorf("the value has %d bytes, and Redis takes at most %d", len(e.Data), o.MaxValue)
	}
	switch {
	case e.Data == nil:
	case o.value(op.key).Hash:
		if op.fields, err = hashFields(e.Data); err != nil {
			return op, "cache_value", err
		}
	default:
		op.value = bytes.Clone(e.Data)
	}
	return op, "", nil
}
