// Package formats knows the encoder of each format by its name.
package formats

import (
	"fmt"

	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/format/cloudevents"
	"github.com/tailrace/tailrace/sink/format/json"
	"github.com/tailrace/tailrace/sink/format/raw"
)

// New returns the encoder of a format.
func New(name string, o format.Options) (format.Encoder, error) {
	switch name {
	case format.JSON:
		return json.New(o), nil
	case format.Line:
		return json.NewLine(o), nil
	case format.CloudEvents:
		return cloudevents.New(o), nil
	case format.Raw:
		return raw.New(o), nil
	}
	return nil, fmt.Errorf("format %q is unknown; valid formats: %s, %s, %s, %s", name,
		format.CloudEvents, format.JSON, format.Line, format.Raw)
}
