package mask

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// masked is the mask of a column, compiled for one shape of a table.
type masked struct {
	index int // into the columns of the table
	name  string
	text  *expr.Text  // nil: the column becomes null, unless json is set
	json  *expr.Value // of a column of type json or jsonb
	// fits returns the text in the form that Postgres prints, and whether it is a value of the column's type; nil: every text is.
	fits func(text []byte) ([]byte, bool)
}

// compile compiles the masks for a shape. A mask is computed on one image of a row at a time, as if the row was inserted.
func (r *rule) compile(s expr.Shape) ([]masked, hcl.Diagnostics) {
	s.Op = capture.Insert
	var all []masked
	var diags hcl.Diagnostics
	for i := range r.columns {
		if s.Later[r.columns[i].name] != nil { // rows of this shape have no such column
			continue
		}
		c, problems := r.columns[i].compile(s)
		all, diags = append(all, c), append(diags, problems...)
	}
	return all, diags
}

func (c *column) compile(shape expr.Shape) (masked, hcl.Diagnostics) {
	t := shape.Table
	m := masked{index: t.Column(c.name), name: c.name}
	if m.index < 0 {
		detail := config.Suggest(c.name, columnsOf(t))
		if detail == "" {
			detail = "Names are exact text. A column that the source does not publish needs no mask."
		}
		return m, hcl.Diagnostics{rules.Fault(c.at, fmt.Sprintf("table %s has no column %q", t, c.name), detail)}
	}
	column := &t.Columns[m.index]
	if c.row == nil {
		return m, c.checkKey(t, m.index, true)
	}
	if diags := c.checkReads(t, column); diags.HasErrors() {
		return m, diags
	}
	var diags hcl.Diagnostics
	if column.Type.Kind == capture.KindJSON {
		m.json, diags = c.row.Value(shape)
		return m, append(diags, c.checkKey(t, m.index, len(c.reads) == 0)...)
	}
	if m.text, diags = c.row.Text(shape); diags.HasErrors() {
		return m, diags
	}
	f, possible := formOf(column)
	if !possible {
		return m, hcl.Diagnostics{rules.Fault(c.value, fmt.Sprintf("column %q of type %s can only be masked with null", c.name, column.Type),
			fmt.Sprintf("Write %q = null.", c.name))}
	}
	m.fits = f.always
	text, constant := m.text.Constant()
	if _, ok := f.fits([]byte(text)); constant && !ok {
		return m, hcl.Diagnostics{rules.Fault(c.value, fmt.Sprintf("this is no value of column %q, whose type is %s", c.name, column.Type),
			"Write a value of the type, or null.")}
	}
	return m, append(diags, c.checkKey(t, m.index, constant)...)
}

// checkKey reports a constant as the mask of a key column: all rows would become one.
func (c *column) checkKey(t *capture.Table, index int, constant bool) hcl.Diagnostics {
	if !constant || !slices.Contains(t.Key, index) {
		return nil
	}
	return hcl.Diagnostics{rules.Fault(c.value, fmt.Sprintf("column %q is part of the key of %s and cannot become constant", c.name, t),
		fmt.Sprintf("All rows would have the same key. Write %s = hmac(row.%s, local.key).", c.name, c.name))}
}

// checkReads reports columns that an image of the row may lack although it has the masked column.
func (c *column) checkReads(t *capture.Table, masked *capture.Column) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, name := range c.reads {
		i := t.Column(name)
		if i < 0 || name == c.name {
			continue // expr reports it; or the value is masked only where it is known
		}
		read := &t.Columns[i]
		switch {
		case masked.Identity && !read.Identity:
			diags = append(diags, rules.Fault(c.value, fmt.Sprintf("old rows of %s have %q and lack %q", t, c.name, name), fmt.Sprintf(
				"They have only the columns of the replica identity. Use row.%s alone, or ALTER TABLE %s REPLICA IDENTITY FULL: "+
					"every update and delete then writes the whole old row to the WAL.", c.name, t)))
		case !read.Inline && !read.Identity:
			diags = append(diags, rules.Fault(c.value, fmt.Sprintf("an update may leave %q of %s out", name, t), fmt.Sprintf(
				"It may be stored out of line (TOAST), and is then not sent unless it changes. Use row.%s alone.", c.name)))
		}
	}
	return diags
}

func columnsOf(t *capture.Table) []string {
	names := make([]string, len(t.Columns))
	for i := range t.Columns {
		names[i] = t.Columns[i].Name
	}
	return names
}
