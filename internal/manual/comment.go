package manual

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"

	"github.com/tailrace/tailrace/config"
)

// comment is what the comment of a field says about an attribute.
type comment struct {
	text  string
	value string // "": the field's type tells
	def   string // "": the settings tell
}

// parseComment splits the text of a comment.
func parseComment(text string) comment {
	var c comment
	var description []string
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		line := strings.Join(strings.Fields(paragraph), " ")
		if def, found := strings.CutPrefix(line, "Default: "); found {
			c.def = def
		} else if value, found := strings.CutPrefix(line, "Value: "); found {
			c.value = value
		} else {
			description = append(description, line)
		}
	}
	c.text = strings.Join(description, " ")
	return c
}

// comments reads the comments of fields from the source of their packages.
type comments struct {
	module   string                       // the import path of the module
	root     string                       // its folder
	packages map[string]map[string]string // by import path, then by "Type.Field"
}

// of returns the comment of an attribute's field.
func (c *comments) of(a config.Attribute) (comment, error) {
	fields, read := c.packages[a.Package]
	if !read {
		var err error
		if fields, err = readFields(filepath.Join(c.root, strings.TrimPrefix(a.Package, c.module))); err != nil {
			return comment{}, fmt.Errorf("read package %s: %w", a.Package, err)
		}
		c.packages[a.Package] = fields
	}
	return parseComment(fields[a.Type+"."+a.Field]), nil
}

// readFields returns the comments of the fields of the structs in a folder.
func readFields(folder string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for n := range ast.Preorder(file) {
			declared, is := n.(*ast.TypeSpec)
			if !is {
				continue
			}
			if s, is := declared.Type.(*ast.StructType); is {
				addFields(fields, declared.Name.Name, s)
			}
		}
	}
	return fields, nil
}

// addFields adds the comments of a struct: those above the fields, else those at the ends of their lines.
func addFields(fields map[string]string, name string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		text := f.Doc.Text()
		if text == "" {
			text = f.Comment.Text()
		}
		for _, id := range f.Names {
			fields[name+"."+id.Name] = text
		}
	}
}
