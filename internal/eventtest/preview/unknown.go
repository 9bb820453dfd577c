package preview

import (
	"reflect"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
)

// Unknown reports the expressions of a pipeline's steps and sinks that use an environment variable or a file that is not there.
func Unknown(p config.Pipeline) (diags hcl.Diagnostics) {
	for _, s := range p.Steps {
		diags = append(diags, unknown(s.Settings)...)
	}
	for _, sink := range p.Sinks {
		diags = append(diags, unknown(sink.Settings)...)
		for _, s := range sink.Steps {
			diags = append(diags, unknown(s.Settings)...)
		}
	}
	return diags
}

func unknown(settings any) (diags hcl.Diagnostics) {
	walk(reflect.ValueOf(settings), func(e *config.Expression) {
		if !e.Known() {
			at := e.Range()
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "this uses an environment variable or a file that is not there",
				Detail: `Give it a value in the test file: env = { NAME = "value" }. A file has to exist.`, Subject: &at,
			})
		}
	})
	return diags
}

// walk calls visit for each expression in exported fields.
func walk(v reflect.Value, visit func(*config.Expression)) {
	if e, is := asExpression(v); is {
		if e != nil {
			visit(e)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("hcl") != "" || f.Anonymous {
				walk(v.Field(i), visit)
			}
		}
	}
}

func asExpression(v reflect.Value) (*config.Expression, bool) {
	if !v.IsValid() || v.Type() != reflect.TypeFor[*config.Expression]() || !v.CanInterface() {
		return nil, false
	}
	return v.Interface().(*config.Expression), true
}
