package eventtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
)

// ReadSchema reads a recorded schema: a file that declares types and tables, and nothing else. Its problems are in the report; the file
// is usable when that has no errors.
func ReadSchema(name string) *File {
	f := open(name)
	if f.document.Body == nil {
		return f
	}
	var b schemaBlock
	f.document.Decode(&b)
	f.declare(b)
	return f
}

// SchemaText returns the text of a file that records the shapes of tables. It depends on nothing else, and on no order of theirs.
func SchemaText(tables []*capture.Table) []byte {
	types, declared := shape.Declare(tables)
	var b strings.Builder
	for _, t := range types {
		fmt.Fprintf(&b, "type %s {\n", quote(t.Name))
		switch {
		case t.Base != "":
			fmt.Fprintf(&b, "base = %s\n", quote(t.Base))
		case t.Storage != "":
			fmt.Fprintf(&b, "storage = %s\n", quote(t.Storage))
		case t.Fields != nil:
			writeColumns(&b, "fields", t.Fields)
		default:
			fmt.Fprintf(&b, "labels = %s\n", texts(t.Labels))
		}
		b.WriteString("}\n\n")
	}
	for _, t := range declared {
		fmt.Fprintf(&b, "table %s {\n", quote(t.Name))
		if len(t.Key) > 0 {
			fmt.Fprintf(&b, "key = %s\n", texts(t.Key))
		}
		if id := identityText(t.Identity); id != defaultIdentity {
			fmt.Fprintf(&b, "identity = %s\n", id)
		}
		writeColumns(&b, "columns", t.Columns)
		b.WriteString("}\n\n")
	}
	return config.Format([]byte(strings.TrimSuffix(b.String(), "\n")))
}

const defaultIdentity = `"default"`

func identityText(id shape.Identity) string {
	switch {
	case id.Full:
		return `"full"`
	case id.Nothing:
		return `"nothing"`
	case len(id.Index) > 0:
		return texts(id.Index)
	}
	return defaultIdentity
}

// writeColumns writes an object with the names and the types of columns, each on a line of its own.
func writeColumns(b *strings.Builder, name string, columns []shape.Column) {
	fmt.Fprintf(b, "%s = {\n", name)
	for _, c := range columns {
		key := c.Name
		if !hclsyntax.ValidIdentifier(key) || slices.Contains(keywords, key) {
			key = quote(key)
		}
		fmt.Fprintf(b, "%s = %s\n", key, quote(c.Type))
	}
	b.WriteString("}\n")
}

// texts returns a list of strings in the syntax of a file.
func texts(list []string) string {
	var parts []string
	for _, s := range list {
		parts = append(parts, quote(s))
	}
	return joined("[", parts, "]", ",")
}
