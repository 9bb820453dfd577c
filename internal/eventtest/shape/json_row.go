package shape

import (
	"fmt"
	"maps"
	"slices"

	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/tailrace/tailrace/capture"
)

// ParseRow returns the values of a JSON object with columns of a table.
func ParseRow(t *capture.Table, text []byte) (Row, error) {
	const write = `Write an object with columns of the table: {"id": 1, "status": "paid"}.`
	typ, err := ctyjson.ImpliedType(text)
	if err != nil || !typ.IsObjectType() {
		return nil, &Problem{Summary: "the row is not a JSON object", Detail: write}
	}
	v, err := ctyjson.Unmarshal(text, typ)
	if err != nil {
		return nil, &Problem{Summary: "the row is not a JSON object", Detail: write}
	}
	row := Row{}
	values := v.AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := t.Column(name)
		if i < 0 {
			return nil, UnknownColumn(t, name)
		}
		if row[name], err = Value(t.Columns[i].Type, t.Columns[i].Modifier, values[name]); err != nil {
			return nil, inColumn(t, name, err)
		}
	}
	return row, nil
}

// inColumn adds the column to the summary of a problem.
func inColumn(t *capture.Table, name string, err error) error {
	if p, is := err.(*Problem); is { //nolint:errorlint // Value does not wrap it
		return &Problem{Summary: fmt.Sprintf("%s.%s: %s", t, name, p.Summary), Detail: p.Detail}
	}
	return fmt.Errorf("%s.%s: %w", t, name, err)
}
