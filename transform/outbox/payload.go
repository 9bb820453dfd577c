package outbox

import (
	"bytes"
	"encoding/hex"
	"errors"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// payload is the attribute data. A column is passed on untouched, whatever is in it; anything else becomes JSON.
type payload struct {
	value  *expr.Value
	column int // index into the columns of the table; -1: data is not the name of a column
	kind   capture.TypeKind
}

func newPayload(v *expr.Value, t *capture.Table) payload {
	p := payload{value: v, column: -1}
	if i, is := v.Column(); is {
		p.column, p.kind = i, t.Columns[i].Type.Kind
	}
	return p
}

// opaque reports whether the payload may be something else than JSON.
func (p *payload) opaque() bool { return p.column >= 0 && p.kind != capture.KindJSON }

var (
	errNoValue = errors.New("the row does not have the value")
	errBytea   = errors.New("a bytea is not in hex: bytea_output is not the setting of the session")
	null       = []byte("null")
)

// bytes returns the payload of a row; nil for a tombstone.
func (p *payload) bytes(texts *rules.Texts, in *expr.Input) ([]byte, error) {
	if p.column < 0 {
		out, err := texts.JSON(p.value, in)
		if bytes.Equal(out, null) {
			out = nil
		}
		return out, err
	}
	switch v := in.Change.After[p.column]; {
	case v.Kind == capture.Null:
		return nil, nil
	case v.Kind != capture.Text:
		return nil, errNoValue
	case p.kind == capture.KindBytes:
		return texts.Keep(func(dst []byte) ([]byte, error) { return appendBytea(dst, v.Bytes) })
	case v.Bytes == nil:
		return []byte{}, nil // an empty text is no tombstone
	default:
		return v.Bytes, nil
	}
}

// appendBytea appends the bytes of a bytea that Postgres has printed in hex.
func appendBytea(dst, text []byte) ([]byte, error) {
	digits, ok := bytes.CutPrefix(text, []byte(`\x`))
	if !ok {
		return dst, errBytea
	}
	out, err := hex.AppendDecode(dst, digits)
	if err != nil {
		return dst, errBytea
	}
	return out, nil
}
