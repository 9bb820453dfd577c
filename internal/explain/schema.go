package explain

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// EventSchema has the schemas of the events of a block.
type EventSchema struct {
	Pipeline string          `json:"pipeline"`
	Sink     string          `json:"sink"`
	Event    string          `json:"event"`
	Place    string          `json:"place"`
	Key      expr.JSONSchema `json:"key"`
	Data     expr.JSONSchema `json:"data"`
}

// dialect is the version of JSON Schema.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// contents are the settings of steps whose events have data of known types.
type contents interface {
	Contents(tables []*capture.Table) rules.Contents
}

// Schemas returns the schemas of the events of a pipeline, in the order of the file. tables are the shapes of the source's tables.
func Schemas(p config.Pipeline, tables []*capture.Table) ([]EventSchema, error) {
	var all []EventSchema
	for _, sink := range p.Sinks {
		steps := slices.Concat(p.Steps, sink.Steps)
		shapes := masked(steps, tables)
		for _, step := range steps {
			settings, can := step.Settings.(contents)
			if !can {
				continue
			}
			c := settings.Contents(shapes)
			for i := range c.Shapes {
				c.Shapes[i].NumericAsNumber = numericAsNumber(sink)
			}
			if len(c.Shapes) == 0 { // its table is not one of a test file
				continue
			}
			s := EventSchema{
				Pipeline: p.Name, Sink: sink.Name, Event: c.Event, Place: config.Place(c.At), Key: keySchema(c),
			}
			var err error
			if s.Data, err = dataSchema(c); err != nil {
				return nil, fmt.Errorf("%s: %w", c.Block, err)
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// numericAsNumber reports whether a sink's format has numeric values as numbers.
func numericAsNumber(sink config.Block) bool {
	f, can := sink.Settings.(interface{ NumericAsNumber() bool })
	return can && f.NumericAsNumber()
}

// dataSchema returns the schema of a block's data: one for all shapes, or the alternatives.
func dataSchema(c rules.Contents) (expr.JSONSchema, error) {
	var alternatives []any
	for _, shape := range c.Shapes {
		s, diags := c.Data.JSONSchema(shape)
		if diags.HasErrors() {
			return nil, firstError(diags)
		}
		if !slices.ContainsFunc(alternatives, func(o any) bool { return reflect.DeepEqual(o, s) }) {
			alternatives = append(alternatives, s)
		}
	}
	whole := expr.JSONSchema{"anyOf": alternatives}
	if len(alternatives) == 1 {
		whole = alternatives[0].(expr.JSONSchema)
	}
	whole["$schema"], whole["title"] = dialect, c.Event
	return whole, nil
}

func firstError(diags hcl.Diagnostics) error {
	d := diags[0]
	return fmt.Errorf("%s: %s", config.Place(*d.Subject), d.Summary)
}

// keySchema returns the schema of a block's key, which is a text, or of the key that the sink's format makes of the key columns.
func keySchema(c rules.Contents) expr.JSONSchema {
	if c.Key != nil {
		for _, shape := range c.Shapes {
			if s, diags := c.Key.JSONSchema(shape); diags.HasErrors() || s.AcceptsNull() {
				return expr.JSONSchema{"type": []string{"string", "null"}}
			}
		}
		return expr.JSONSchema{"type": "string"}
	}
	t := c.Shapes[0].Table
	if len(t.Key) == 0 {
		return expr.JSONSchema{"type": "null"}
	}
	properties, required := expr.JSONSchema{}, []string{}
	for _, i := range t.Key {
		properties[t.Columns[i].Name] = expr.SchemaOf(t.Columns[i].Type, c.Shapes[0].NumericAsNumber)
		required = append(required, t.Columns[i].Name)
	}
	return expr.JSONSchema{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// masker are the settings of steps that mask columns.
type masker interface {
	MaskedColumns(t *capture.Table) []string
}

// masked returns the shapes of tables behind the masks: a masked column may be null.
func masked(steps []config.Step, tables []*capture.Table) []*capture.Table {
	all := slices.Clone(tables)
	for i, t := range all {
		for _, step := range steps {
			m, can := step.Settings.(masker)
			if !can {
				continue
			}
			for _, name := range m.MaskedColumns(t) {
				if n := t.Column(name); n >= 0 {
					own := *all[i]
					own.Columns = slices.Clone(own.Columns)
					own.Columns[n].Nullable = true
					all[i] = &own
				}
			}
		}
	}
	return all
}
