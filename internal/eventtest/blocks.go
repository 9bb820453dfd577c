package eventtest

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
)

// fileBlock is a test file.
type fileBlock struct {
	Env    map[string]string `hcl:"env,optional"`
	Types  []typeBlock       `hcl:"type,block"`
	Tables []tableBlock      `hcl:"table,block"`
	Cases  []caseBlock       `hcl:"case,block"`
}

// schemaBlock is a file with a recorded schema.
type schemaBlock struct {
	Types  []typeBlock  `hcl:"type,block"`
	Tables []tableBlock `hcl:"table,block"`
}

// typeBlock declares a type that a user has created: an enum, a domain, a composite type, or another one, whose values are texts.
type typeBlock struct {
	Name    string             `hcl:"name,label"`
	Labels  []string           `hcl:"labels,optional"`
	Base    string             `hcl:"base,optional"`
	Fields  *config.Expression `hcl:"fields,optional"`
	Storage string             `hcl:"storage,optional"`
	Range   hcl.Range          `hcl:",range"`

	complete bool
}

// tableBlock declares a table.
type tableBlock struct {
	Name     string             `hcl:"name,label"`
	Columns  *config.Expression `hcl:"columns"`
	Key      []string           `hcl:"key,optional"`
	Identity *config.Expression `hcl:"identity,optional"`
	Range    hcl.Range          `hcl:",range"`
}

// caseBlock is one case.
type caseBlock struct {
	Name         string             `hcl:"name,label"`
	Pipeline     string             `hcl:"pipeline,optional"`
	Transactions []transactionBlock `hcl:"transaction,block"`
	Expect       []expectBlock      `hcl:"expect,block"`
	Range        hcl.Range          `hcl:",range"`
}

// transactionBlock has the changes of one transaction, in the order of the file.
type transactionBlock struct {
	Annotations *config.Expression `hcl:"annotations,optional"`
	Insert      []changeBlock      `hcl:"insert,block"`
	Update      []changeBlock      `hcl:"update,block"`
	Delete      []changeBlock      `hcl:"delete,block"`
	Truncate    []changeBlock      `hcl:"truncate,block"`
	Read        []changeBlock      `hcl:"read,block"`
	Message     []messageBlock     `hcl:"message,block"`
	Range       hcl.Range          `hcl:",range"`
}

// changeBlock is a change of a row.
type changeBlock struct {
	Table     string             `hcl:"table,label"`
	Row       *config.Expression `hcl:"row,optional"`
	Old       *config.Expression `hcl:"old,optional"`
	Unchanged []string           `hcl:"unchanged,optional"`
	Range     hcl.Range          `hcl:",range"`

	at config.Positions
}

// messageBlock is a logical message.
type messageBlock struct {
	Prefix  string             `hcl:"prefix,label"`
	Content *config.Expression `hcl:"content"`
	Range   hcl.Range          `hcl:",range"`
}

// expectBlock has the events that a sink should get.
type expectBlock struct {
	Sink     string       `hcl:"sink,label"`
	Events   []eventBlock `hcl:"event,block"`
	Rejected string       `hcl:"rejected,optional"`
	Halted   string       `hcl:"halted,optional"`
	Range    hcl.Range    `hcl:",range"`
}

// eventBlock is an expected event. What it leaves out is not compared.
type eventBlock struct {
	Type    string             `hcl:"type,label"`
	ID      *config.Expression `hcl:"id,optional"`
	Topic   *config.Expression `hcl:"topic,optional"`
	Key     *config.Expression `hcl:"key,optional"`
	Headers *config.Expression `hcl:"headers,optional"`
	Data    *config.Expression `hcl:"data,optional"`
	Value   *config.Expression `hcl:"value,optional"`
	Range   hcl.Range          `hcl:",range"`
}

// CheckSettings implements config.Checker.
func (c *changeBlock) CheckSettings(at config.Positions) hcl.Diagnostics {
	c.at = at
	return checkNames(c.Row, c.Old)
}

// CheckSettings implements config.Checker.
func (t *transactionBlock) CheckSettings(config.Positions) hcl.Diagnostics {
	return checkNames(t.Annotations)
}

// CheckSettings implements config.Checker.
func (m *messageBlock) CheckSettings(config.Positions) hcl.Diagnostics { return checkNames(m.Content) }

// CheckSettings implements config.Checker.
func (e *eventBlock) CheckSettings(config.Positions) hcl.Diagnostics {
	return checkNames(e.ID, e.Topic, e.Key, e.Headers, e.Data, e.Value)
}

// CheckSettings implements config.Checker.
func (t *tableBlock) CheckSettings(config.Positions) hcl.Diagnostics {
	return checkNames(t.Columns, t.Identity)
}

// CheckSettings implements config.Checker.
func (t *typeBlock) CheckSettings(at config.Positions) hcl.Diagnostics {
	given := slices.DeleteFunc([]string{"labels", "base", "fields", "storage"}, func(name string) bool { return !at.Given(name) })
	if len(given) != 1 {
		return hcl.Diagnostics{fault(t.Range, "a type has labels, a base, fields or a storage",
			`Write one of labels = ["new", "paid"] (an enum), base = "text" (a domain), fields = { street = "text" } (a composite type), `+
				`storage = "extended" (any other type, whose values are texts).`)}
	}
	if at.Given("storage") && t.Storage != shape.StoragePlain && t.Storage != shape.StorageExtended {
		return hcl.Diagnostics{fault(at.At("storage"), fmt.Sprintf("storage is %q", t.Storage),
			`Write "plain" (the values are never stored out of line) or "extended".`)}
	}
	t.complete = true
	return checkNames(t.Fields)
}

// checkNames reports names other than local: there is no row yet.
func checkNames(all ...*config.Expression) (diags hcl.Diagnostics) {
	for _, e := range all {
		if e != nil {
			diags = append(diags, e.CheckNames()...)
		}
	}
	return diags
}

func fault(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}
