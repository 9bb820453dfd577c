package expr

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
)

// Template is a text that depends on a table, such as a topic "cdc.${table.schema}.${table.name}". Any goroutine may use it.
type Template struct {
	expr  *config.Expression
	parts []part
}

// NewTemplate compiles an expression. It returns nil for nil, with problems, and for an expression whose text is not known because
// the check is offline.
func NewTemplate(e *config.Expression) (*Template, hcl.Diagnostics) {
	if e == nil {
		return nil, nil
	}
	c := compiler{expr: e, scope: tables}
	if diags := c.check(); diags.HasErrors() || !e.Known() {
		return nil, diags
	}
	parts, diags := c.compile(e.Syntax(), nil)
	if diags.HasErrors() {
		return nil, diags
	}
	return &Template{expr: e, parts: parts}, nil
}

// Eval returns the text for a table. It evaluates the functions of the template, so call it once per table, not once per row.
func (t *Template) Eval(schema, name string) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		text := p.text
		if p.eval != nil {
			var diags hcl.Diagnostics
			if text, diags = p.eval(env{schema, name}); diags.HasErrors() {
				return "", t.failed(diags)
			}
		}
		b.WriteString(text)
	}
	if _, diags := within(b.String(), t.expr.Syntax()); diags.HasErrors() {
		return "", t.failed(diags)
	}
	return b.String(), nil
}

// failed returns the error of a table that the template does not fit. The detail may quote values.
func (t *Template) failed(diags hcl.Diagnostics) error {
	d := diags[0]
	place := fmt.Sprintf("%s:%d", d.Subject.Filename, d.Subject.Start.Line)
	if t.expr.Secret() || d.Detail == "" {
		return fmt.Errorf("evaluate template at %s: %s", place, d.Summary)
	}
	return fmt.Errorf("evaluate template at %s: %s: %s", place, d.Summary, d.Detail)
}

// Constant returns the text of a template that does not depend on the table.
func (t *Template) Constant() (string, bool) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.eval != nil {
			return "", false
		}
		b.WriteString(p.text)
	}
	return b.String(), true
}

// Pattern matches every text the template can give, as a whole; it may match others.
func (t *Template) Pattern() *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for _, p := range t.parts {
		if p.eval != nil {
			b.WriteString(`.*`)
		} else {
			b.WriteString(regexp.QuoteMeta(p.text))
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}
