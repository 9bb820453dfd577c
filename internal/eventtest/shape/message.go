package shape

import (
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/tailrace/tailrace/capture"
)

// textType is the type of the content of a message.
var textType = &capture.Type{OID: 25, Schema: "pg_catalog", Name: "text"}

// Messages has the tables that stand for the prefixes of logical messages. The zero value is ready to use.
type Messages struct{ tables map[string]*capture.Table }

// Change returns a logical message.
func (m *Messages) Change(prefix string, content []byte) capture.Change {
	t := m.tables[prefix]
	if t == nil {
		t = &capture.Table{
			Name: prefix, Columns: []capture.Column{{Name: "content", Type: textType, Modifier: -1, Inline: true}},
		}
		if m.tables == nil {
			m.tables = map[string]*capture.Table{}
		}
		m.tables[prefix] = t
	}
	return capture.Change{Op: capture.Message, Table: t, After: []capture.Value{{Kind: capture.Text, Bytes: content}}}
}

// Content returns the content of a message: a string is its text, anything else is written as JSON.
func Content(v cty.Value) ([]byte, error) {
	if v.Type() == cty.String && !v.IsNull() {
		return []byte(v.AsString()), nil
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return nil, &Problem{Summary: "this is not the content of a message", Detail: "Write a string, or an object that becomes JSON."}
	}
	return text, nil
}
