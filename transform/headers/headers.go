// Package headers compiles the headers attribute of the blocks that make events: an object of which each attribute is one header.
package headers

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/trace"
)

// Object is the headers of a block, as the file has them. Any goroutine may use it.
type Object struct{ headers []header }

type header struct {
	name string
	row  *expr.Row
}

// New checks the expression of the attribute. It returns nil for nil, with problems, and for an expression that uses something that
// is not known because the check is offline.
func New(e *config.Expression, n expr.Names) (*Object, hcl.Diagnostics) {
	if e == nil {
		return nil, nil
	}
	object, is := e.Syntax().(*hclsyntax.ObjectConsExpr)
	if !is {
		return nil, hcl.Diagnostics{problem(e.Range(), "headers is not an object", `Write headers = { tenant = row.tenant_id }.`)}
	}
	o, complete := &Object{}, true
	var diags hcl.Diagnostics
	for _, item := range object.Items {
		name, problems := nameOf(e, item.KeyExpr)
		if slices.ContainsFunc(o.headers, func(h header) bool { return h.name == name && name != "" }) {
			problems = append(problems, problem(item.KeyExpr.Range(), fmt.Sprintf("there are two headers %q", name), ""))
		}
		row, more := expr.NewRow(e.Part(item.ValueExpr), n)
		diags = append(append(diags, problems...), more...)
		o.headers = append(o.headers, header{name, row})
		complete = complete && name != "" && row != nil
	}
	if diags.HasErrors() || !complete {
		return nil, diags
	}
	return o, diags
}

// nameOf returns the name of a header, which is constant.
func nameOf(e *config.Expression, key hclsyntax.Expression) (string, hcl.Diagnostics) {
	v, diags := e.Evaluate(key, nil)
	if diags.HasErrors() || !v.IsKnown() {
		return "", diags
	}
	if v.IsNull() || v.Type() != cty.String || v.AsString() == "" {
		return "", hcl.Diagnostics{problem(key.Range(), "a header has no name", "The name is a text that is not empty.")}
	}
	return v.AsString(), nil
}

// Compiled is an Object that is compiled for one shape. One goroutine at a time may use it.
type Compiled struct {
	names  []string
	values []*expr.Text
	traced bool // one of the headers is of a trace context
}

// Compile compiles the headers for a shape. A nil Object gives a Compiled without headers.
func (o *Object) Compile(s expr.Shape) (*Compiled, hcl.Diagnostics) {
	c := &Compiled{}
	if o == nil {
		return c, nil
	}
	var diags hcl.Diagnostics
	for _, h := range o.headers {
		text, problems := h.row.Text(s)
		diags = append(diags, problems...)
		c.names, c.values = append(c.names, h.name), append(c.values, text)
		c.traced = c.traced || h.name == trace.Parent || h.name == trace.State
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return c, diags
}

// Append appends the headers of one event to dst; their values are in a. A header whose value is null is left out, and so are a
// traceparent and a tracestate that are not valid, and a tracestate without a traceparent.
func (c *Compiled) Append(dst []transform.Header, a *transform.Arena, in *expr.Input) ([]transform.Header, error) {
	start := len(dst)
	for i, text := range c.values {
		out, null, err := text.Append(a.Buffer(), in)
		if err != nil {
			return dst[:start], fmt.Errorf("header %s: %w", c.names[i], err)
		}
		if null {
			continue
		}
		dst = append(dst, transform.Header{Name: c.names[i], Value: a.Keep(out)})
	}
	if c.traced {
		dst = append(dst[:start], validTrace(dst[start:])...)
	}
	return dst, nil
}

// validTrace removes what is not a valid trace context from headers.
func validTrace(headers []transform.Header) []transform.Header {
	parent := slices.ContainsFunc(headers, func(h transform.Header) bool {
		return h.Name == trace.Parent && trace.Valid(h.Value)
	})
	return slices.DeleteFunc(headers, func(h transform.Header) bool {
		return h.Name == trace.Parent && !parent || h.Name == trace.State && (!parent || !trace.ValidState(h.Value))
	})
}

// Len returns how many headers an event has at most.
func (c *Compiled) Len() int { return len(c.names) }

func problem(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}
