package eventtest

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
)

// Drift returns a warning for each table and each column whose recorded shape is not that of the live table. live are all tables of
// the source. record is the command that records the schema again.
func (f *File) Drift(live []*capture.Table, record string) hcl.Diagnostics {
	d := drift{file: f, fix: "Record the schema again: " + record}
	for _, t := range f.Tables {
		i := slices.IndexFunc(live, func(l *capture.Table) bool { return l.String() == t.String() })
		if i < 0 {
			d.warn(t, "", "table %s is recorded here, and the source does not publish it", t)
			continue
		}
		d.compare(t, live[i])
	}
	return d.warnings
}

// drift collects the differences between recorded and live tables.
type drift struct {
	file     *File
	fix      string
	warnings hcl.Diagnostics
}

func (d *drift) warn(t *capture.Table, column, format string, args ...any) {
	at := d.file.places[t.String()][column]
	d.warnings = append(d.warnings, &hcl.Diagnostic{
		Severity: hcl.DiagWarning, Summary: fmt.Sprintf(format, args...), Detail: d.fix, Subject: &at,
	})
}

func (d *drift) compare(t, live *capture.Table) {
	here, there := describe(t), describe(live)
	for _, c := range here.Columns {
		i := slices.IndexFunc(there.Columns, func(l shape.Column) bool { return l.Name == c.Name })
		if i < 0 {
			d.warn(t, c.Name, "column %s of %s is recorded here, and the database does not have it, or does not publish it", c.Name, t)
			continue
		}
		if l := there.Columns[i]; l.Type != c.Type {
			d.warn(t, c.Name, "column %s of %s is recorded as %q, and it is %q in the database", c.Name, t, c.Type, l.Type)
		} else if name, what := typeDifference(here.types[c.Name], there.types[c.Name]); name != "" {
			d.warn(t, c.Name, "column %s of %s is recorded with the type %s, which has %s in the database", c.Name, t, name, what)
		}
	}
	for _, l := range there.Columns {
		if t.Column(l.Name) < 0 {
			d.warn(t, "", "column %s of %s is not recorded here, and the database has it as %q", l.Name, t, l.Type)
		}
	}
	if !slices.Equal(here.Key, there.Key) {
		d.warn(t, "", "the key of %s is recorded as %q, and it is %q in the database", t, here.Key, there.Key)
	}
	if a, b := identityText(here.Identity), identityText(there.Identity); a != b {
		d.warn(t, "", "the replica identity of %s is recorded as %s, and it is %s in the database", t, a, b)
	}
}

// described is a table as a file declares it, with the types that each of its columns needs.
type described struct {
	shape.TableDeclaration
	types map[string][]shape.TypeDeclaration
}

func describe(t *capture.Table) described {
	_, tables := shape.Declare([]*capture.Table{t})
	d := described{tables[0], map[string][]shape.TypeDeclaration{}}
	for _, c := range t.Columns {
		alone := &capture.Table{Schema: t.Schema, Name: t.Name, Columns: []capture.Column{c}}
		d.types[c.Name], _ = shape.Declare([]*capture.Table{alone})
	}
	return d
}

// typeDifference returns the first type that two columns declare differently, and what it has there; "": there is none.
func typeDifference(here, there []shape.TypeDeclaration) (name, what string) {
	for i, t := range here {
		if i >= len(there) {
			return t.Name, "other parts"
		}
		switch l := there[i]; {
		case t.Name != l.Name:
			return t.Name, "other parts"
		case !slices.Equal(t.Labels, l.Labels):
			return t.Name, "other labels"
		case t.Base != l.Base:
			return t.Name, "another base"
		case !slices.Equal(t.Fields, l.Fields):
			return t.Name, "other fields"
		case t.Storage != l.Storage:
			return t.Name, "another storage"
		}
	}
	return "", ""
}
