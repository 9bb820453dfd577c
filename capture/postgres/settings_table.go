package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/rowfilter"
	"github.com/tailrace/tailrace/config"
)

// TableSettings is a table block.
type TableSettings struct {
	Name string `hcl:"name,label"`
	// Columns; needed where a part of the primary key [is not published](operations.md#keys-that-are-not-published).
	//
	// Default: the primary key
	Key []string `hcl:"key,optional"`
	// Columns that are published; those of the key are among them.
	//
	// Default: all
	Columns []string `hcl:"columns,optional"`
	// Rows that are published: SQL for the server, an expression for the daemon.
	//
	// Value: text, or expression over `row`
	Where *config.Expression `hcl:"where,optional"`
	// `"server"`: `columns` and `where` are the column list and the row filter of the publication. `"daemon"`: the publication has the
	// whole table, and the daemon [drops the rest](#columns-and-rows-that-are-left-out) before anything is buffered.
	//
	// Default: `"server"`
	Enforce string `hcl:"enforce,optional"`
	// What becomes of a column that is added to the table: `"publish"`, `"drop"`, or `"halt"` as
	// [`new_column`](operations.md#named-states).
	//
	// Default: `"publish"`; `"drop"` with `columns`, and for a table that a `mask` names
	NewColumns string    `hcl:"new_columns,optional"`
	Range      hcl.Range `hcl:",range"`
}

// The values of TableSettings.Enforce: who leaves out columns and rows.
const (
	enforceServer = "server" // the default
	enforceDaemon = "daemon"
)

// The values of TableSettings.NewColumns.
const (
	newPublish = "publish"
	newDrop    = "drop"
	newHalt    = "halt"
)

// add adds the table to a configuration.
func (t *TableSettings) add(c *Config, pipeline string) error {
	o := TableOption{Name: t.Name, Key: t.Key, Columns: t.Columns, NewColumns: t.NewColumns, Daemon: t.Enforce == enforceDaemon}
	switch {
	case t.Where == nil:
	case o.Daemon:
		f, diags := rowfilter.New(t.Name, t.Where)
		if f == nil {
			return unknownWhere(t.Name, diags)
		}
		if c.Filters == nil {
			c.Filters = map[string]*rowfilter.Filter{}
		}
		o.Filters, c.Filters[t.Name] = true, f.In(pipeline)
	default:
		where, known := textOf(t.Where)
		if !known {
			return unknownWhere(t.Name, nil)
		}
		o.Where = strings.TrimSpace(where)
	}
	c.Options = append(c.Options, o)
	return nil
}

// unknownWhere is the error of a where that cannot be used, which no report of the file has prevented.
func unknownWhere(table string, diags hcl.Diagnostics) error {
	if diags.HasErrors() {
		return fmt.Errorf("where of table %q: %w", table, diags)
	}
	return fmt.Errorf("where of table %q uses a value that is not known", table)
}

// textOf returns the text of an expression that depends on the file alone. ok is false when that is not known, or no text.
func textOf(e *config.Expression) (text string, ok bool) {
	v, diags := e.Evaluate(e.Syntax(), nil)
	if diags.HasErrors() || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// CheckSettings checks one table block.
func (t *TableSettings) CheckSettings(at config.Positions) hcl.Diagnostics {
	var ds hcl.Diagnostics
	if p, err := publication.ParsePattern(t.Name); err != nil {
		ds = append(ds, mistake(t.Range, err.Error(), `Write table "schema.table".`))
	} else if !p.Exact() {
		ds = append(ds, mistake(t.Range, "a table block is for one table", "Wildcards belong to tables."))
	}
	ds = append(ds, checkNames("key", t.Key, at)...)
	ds = append(ds, checkNames("columns", t.Columns, at)...)
	missing := slices.DeleteFunc(slices.Clone(t.Key), func(name string) bool { return slices.Contains(t.Columns, name) })
	if len(t.Columns) > 0 && len(missing) > 0 && at.Known("key") {
		ds = append(ds, mistake(at.At("columns"), "columns leaves out "+strings.Join(missing, ", ")+" of key", ""))
	}
	if !at.Known("enforce") {
		return ds
	}
	return slices.Concat(ds, t.checkEnforce(at), t.checkWhere(), t.checkNewColumns(at))
}

func (t *TableSettings) checkEnforce(at config.Positions) hcl.Diagnostics {
	switch {
	case !at.Given("enforce"):
	case t.Enforce != enforceServer && t.Enforce != enforceDaemon:
		return hcl.Diagnostics{mistake(at.At("enforce"), fmt.Sprintf("enforce = %q is unknown", t.Enforce), "It is server or daemon.")}
	case !at.Given("columns") && !at.Given("where"):
		return hcl.Diagnostics{mistake(at.At("enforce"), "enforce has no effect without columns or where", "Add one of them, or remove it.")}
	}
	return nil
}

// checkWhere checks that where is SQL for the server, and an expression over a row for the daemon.
func (t *TableSettings) checkWhere() hcl.Diagnostics {
	if t.Where == nil {
		return nil
	}
	syntax := t.Where.Syntax()
	rows := slices.ContainsFunc(syntax.Variables(), func(v hcl.Traversal) bool { return v.RootName() != "local" })
	v, known := cty.DynamicVal, false
	if !rows {
		v, _ = t.Where.Evaluate(syntax, nil) // its errors are in the report already
		known = v.IsKnown() && !v.IsNull()
	}
	_, template := syntax.(*hclsyntax.TemplateExpr)
	text := template || known && v.Type() == cty.String
	switch {
	case t.Enforce == enforceDaemon && text:
		return hcl.Diagnostics{mistake(t.Where.Range(), "with enforce = \"daemon\", where is an expression over row, not SQL",
			`Write where = row.region == "EU", without quotes around it. SQL is for enforce = "server", the default.`)}
	case t.Enforce == enforceDaemon:
		_, diags := rowfilter.New(t.Name, t.Where)
		return diags
	case rows:
		return hcl.Diagnostics{mistake(t.Where.Range(), "where is SQL, which the server evaluates, not an expression over row",
			`Write where = "region = 'EU'"; or add enforce = "daemon", then the expression is evaluated here.`)}
	case known && !text:
		return hcl.Diagnostics{mistake(t.Where.Range(), "where is not a text", `Write SQL, such as where = "region = 'EU'".`)}
	}
	return nil
}

func (t *TableSettings) checkNewColumns(at config.Positions) hcl.Diagnostics {
	var summary, detail string
	switch t.NewColumns {
	case "", newDrop:
		return nil
	case newPublish:
		if !at.Given("columns") {
			return nil
		}
		summary, detail = "new_columns = \"publish\" contradicts columns, which lists what is published", "Remove one of them."
	case newHalt:
		if !at.Given("columns") || t.Enforce == enforceDaemon {
			return nil
		}
		summary = "with columns, new columns do not reach the daemon"
		detail = `The server leaves them out. Add enforce = "daemon", or remove new_columns.`
	default:
		summary, detail = fmt.Sprintf("new_columns = %q is unknown", t.NewColumns), "It is publish, drop or halt."
	}
	return hcl.Diagnostics{mistake(at.At("new_columns"), summary, detail)}
}

// checkManage checks the block against the setting manage of the source.
func (t *TableSettings) checkManage(manage bool) (ds hcl.Diagnostics) {
	if manage {
		return nil
	}
	if (len(t.Columns) > 0 || t.Where != nil) && t.Enforce != enforceDaemon {
		ds = append(ds, mistake(t.Range, "columns and where have no effect with manage = false",
			`The publication decides what is published. With enforce = "daemon" the daemon leaves out the rest.`))
	}
	if t.NewColumns == newHalt || t.NewColumns == newDrop && len(t.Columns) == 0 {
		ds = append(ds, mistake(t.Range, fmt.Sprintf("new_columns = %q cannot be combined with manage = false", t.NewColumns),
			`The comment of a managed publication records which columns are not new. List the columns, with enforce = "daemon".`))
	}
	return ds
}

// checkNames checks a list of columns.
func checkNames(attribute string, list []string, at config.Positions) hcl.Diagnostics {
	var summary string
	switch {
	case at.Given(attribute) && len(list) == 0:
		summary = attribute + " is empty"
	case slices.Contains(list, ""):
		summary = attribute + " has an empty name"
	case len(list) > len(slices.Compact(slices.Sorted(slices.Values(list)))):
		summary = attribute + " has a column twice"
	default:
		return nil
	}
	return hcl.Diagnostics{mistake(at.At(attribute), summary, "Name the columns, each once, or leave it out.")}
}
