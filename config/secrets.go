package config

import (
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/config/redact"
)

// secretNames are the attributes of all settings whose type is Secret, by the type of their block.
func (l *loader) secretNames() map[string]map[string]bool {
	all := map[string]map[string]bool{"daemon": {}, "locals": {}, "pipeline": {}, "source": {}, "sink": {}, "connection": {}}
	for scope, kinds := range map[string]map[string]func() any{"source": l.kinds.Sources, "sink": l.kinds.Sinks} {
		for _, k := range kinds {
			l.schemaOf(k).secretNames(scope, all)
			l.schemaOf(k).secretNames("connection", all)
		}
	}
	for name, k := range l.kinds.Steps {
		l.schemaOf(k.Settings).secretNames(name, all)
	}
	return all
}

func (l *loader) schemaOf(kind func() any) schema { return schemaOf(reflect.TypeOf(kind()).Elem()) }

// redactions returns the texts of a file that an excerpt must not show.
func (r *Report) redactions(name string, src []byte) []redact.Span {
	if spans, ok := r.hiding[name]; ok {
		return spans
	}
	spans := r.secrets.Spans(src)
	if r.hiding == nil {
		r.hiding = map[string][]redact.Span{}
	}
	r.hiding[name] = spans
	return spans
}

// redacts reports whether a place of a file is in a text that is not shown.
func (l *loader) redacts(r hcl.Range) bool {
	src := l.report.sources[r.Filename]
	return slices.ContainsFunc(l.report.redactions(r.Filename, src), func(s redact.Span) bool {
		return s.From < r.End.Byte && r.Start.Byte < s.To
	})
}

// addSecrets adds the texts of a value that must never be printed: what came from the environment or a secret file, and the
// password of any URL.
func (l *loader) addSecrets(value cty.Value, secret bool) {
	_ = cty.Walk(value, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() == cty.String && !v.IsNull() && v.IsKnown() {
			if secret {
				l.report.secrets.Add(v.AsString())
			}
			l.report.secrets.AddPassword(v.AsString())
		}
		return true, nil
	})
}
