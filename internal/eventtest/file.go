package eventtest

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
)

// File is a test file.
type File struct {
	Name   string
	Env    map[string]string // what env() gives to the pipeline files
	Tables []*capture.Table  // that the file declares, and after them those of its recorded schemas
	Cases  []*Case
	Report *config.Report // what is wrong with it

	document *config.Document
	messages shape.Messages
	blocks   map[int]*hclsyntax.Block        // by the offsets at which they begin
	places   map[string]map[string]hcl.Range // of the tables that it declares and, by their names, of their columns; "": the table's
}

// Case is a sequence of transactions, and what the sinks of a pipeline should get.
type Case struct {
	Name     string
	Pipeline string // "": the only one
	Place    hcl.Range
	Changes  []capture.Change
	Expected []Expectation
}

// Expectation is what a sink should get.
type Expectation struct {
	Sink     string
	Place    hcl.Range
	Events   []Expected
	Rejected string // why the event after them is rejected; "": none is
	Halted   string // the named state in which the sink halts after them; "": it does not
}

// Expected is an expected event.
type Expected struct {
	Type   string
	Place  hcl.Range
	Fields []Field // those that are compared, in the order of the columns of fieldNames
}

// Field is an expected attribute of an event.
type Field struct {
	Name  string
	Value any // a document
	Place hcl.Range
}

// The attributes of an expected event, in the order in which they are shown.
var fieldNames = []string{"id", "topic", "key", "headers", "data", "value"}

// Read reads a test file. Its problems are in the report; the file is usable when that has no errors. Tables that it does not declare
// are those of the recorded schemas, whose problems are in the report too.
func Read(name string, recorded ...*File) *File {
	f := open(name)
	for _, r := range recorded {
		f.Report.Include(r.Report)
	}
	if f.document.Body == nil || f.Report.HasErrors() {
		return f
	}
	var b fileBlock
	f.document.Decode(&b)
	f.index(f.document.Body)
	f.Env = b.Env
	if f.declare(schemaBlock{b.Types, b.Tables}) { // otherwise what is wrong with a table would be reported again at each of its changes
		f.add(recorded)
		f.cases(b.Cases)
	}
	return f
}

func open(name string) *File {
	f := &File{
		Name: name, document: config.ReadDocument(name, config.Options{}),
		blocks: map[int]*hclsyntax.Block{}, places: map[string]map[string]hcl.Range{},
	}
	f.Report = f.document.Report
	return f
}

// add adds the tables of recorded schemas that the file does not declare.
func (f *File) add(recorded []*File) {
	for _, r := range recorded {
		for _, t := range r.Tables {
			if f.Table(t.String()) == nil {
				f.Tables = append(f.Tables, t)
			}
		}
	}
}

// index finds the blocks by their offsets.
func (f *File) index(b *hclsyntax.Body) {
	for _, inner := range b.Blocks {
		f.blocks[inner.TypeRange.Start.Byte] = inner
		f.index(inner.Body)
	}
}

// Table returns the table with a name; nil: there is none.
func (f *File) Table(name string) *capture.Table {
	for _, t := range f.Tables {
		if t.String() == name {
			return t
		}
	}
	return nil
}

// problem adds a problem at a place. A *shape.Problem has a way out as well.
func (f *File) problem(at hcl.Range, err error) {
	var detail string
	if p, is := err.(*shape.Problem); is { //nolint:errorlint // package shape does not wrap it
		detail = p.Detail
	}
	f.document.Problem(at, err.Error(), detail)
}

func (f *File) problemf(at hcl.Range, detail, format string, args ...any) {
	f.document.Problem(at, fmt.Sprintf(format, args...), detail)
}

// cases reads the cases.
func (f *File) cases(blocks []caseBlock) {
	taken := map[string]hcl.Range{}
	for i := range blocks {
		b := &blocks[i]
		if first, twice := taken[b.Name]; twice {
			f.problemf(b.Range, "The first is at "+config.Place(first)+".", "there are two cases %q", b.Name)
		}
		taken[b.Name] = b.Range
		if strings.TrimSpace(b.Name) == "" {
			f.problemf(b.Range, `Write case "an order is paid" { ... }.`, "the case has no name")
		}
		c := &Case{Name: b.Name, Pipeline: b.Pipeline, Place: b.Range}
		c.Changes = f.changes(b.Transactions)
		for j := range b.Expect {
			c.Expected = append(c.Expected, f.expectation(&b.Expect[j]))
		}
		f.Cases = append(f.Cases, c)
	}
}

// expectation reads what a sink should get.
func (f *File) expectation(b *expectBlock) Expectation {
	e := Expectation{Sink: b.Sink, Place: b.Range, Rejected: b.Rejected, Halted: b.Halted}
	if b.Rejected != "" && b.Halted != "" {
		f.problemf(b.Range, "A sink stops at the first one.", "an event is rejected, or the sink halts")
	}
	for i := range b.Events {
		e.Events = append(e.Events, f.expected(&b.Events[i]))
	}
	return e
}

func (f *File) expected(b *eventBlock) Expected {
	e := Expected{Type: b.Type, Place: b.Range}
	given := f.blocks[b.Range.Start.Byte].Body.Attributes
	for i, x := range []*config.Expression{b.ID, b.Topic, b.Key, b.Headers, b.Data, b.Value} {
		name := fieldNames[i]
		a := given[name]
		if a == nil {
			continue
		}
		field := Field{Name: name, Place: a.NameRange}
		if x != nil { // else it is null
			field.Value = f.valueOf(x)
		}
		object, is := field.Value.(map[string]any)
		switch {
		case name != "headers":
		case is:
			field.Value = headerTexts(object)
		default:
			f.problemf(a.Expr.Range(), `Write headers = { tenant = "7" }; a header that should not be there is null.`, "headers is not an object")
		}
		e.Fields = append(e.Fields, field)
	}
	return e
}

// valueOf returns the value of an expression; nil with a problem.
func (f *File) valueOf(x *config.Expression) any {
	v, ok := f.evaluate(x)
	if !ok {
		return nil
	}
	doc, err := documentOf(v)
	if err != nil {
		f.problem(x.Range(), err)
	}
	return doc
}
