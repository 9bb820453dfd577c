package config

import (
	"fmt"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Document is a file with the syntax, the locals, the functions and the limits of a pipeline file, and with blocks of its own, such
// as the cases of a test. It is one file: it does not see the locals of other files.
type Document struct {
	Name   string
	Source []byte
	Body   *hclsyntax.Body // nil when the file cannot be read or parsed
	Report *Report         // the problems of this file

	loader *loader
}

// ReadDocument reads a file and evaluates its locals. Its problems are in the report.
func ReadDocument(name string, o Options) *Document {
	l := newLoader(Kinds{}, o)
	d := &Document{Name: name, Report: l.report, loader: l}
	src, err := read(name)
	if err != nil {
		l.report.append(problemWithoutPlace(name+" cannot be read: "+reason(err), ""))
		return d
	}
	d.Source = src
	if d.Body = l.parseBody(name, src); d.Body == nil {
		return d
	}
	for _, b := range d.Body.Blocks {
		if b.Type == "locals" {
			l.defineLocals(b)
		}
	}
	l.evaluateLocals()
	return d
}

// Decode fills the struct that v points to with the attributes and blocks of the file, except for its locals. The tags are those of
// Kinds, and a struct may be a Checker. Problems are in the report.
func (d *Document) Decode(v any) {
	if d.Body == nil {
		return
	}
	at := beginning(d.Name)
	b := body{scope: "file", header: at, attrs: inOrder(d.Body.Attributes)}
	for _, inner := range d.Body.Blocks {
		if inner.Type != "locals" {
			b.blocks = append(b.blocks, inner)
		}
	}
	s := reflect.ValueOf(v).Elem()
	d.loader.checkNames(&b, schemaOf(s.Type()))
	d.loader.decode(b, s)
	d.Report.sort()
}

// Problem adds an error at a place of the file to the report.
func (d *Document) Problem(at hcl.Range, summary, detail string) {
	d.Report.Add(problem(at, d.loader.report.secrets.Scrub(summary), d.loader.report.secrets.Scrub(detail)))
}

// Place formats a place for a sentence: file:line.
func Place(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }
