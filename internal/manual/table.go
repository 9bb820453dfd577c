package manual

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/config"
)

const header = "| attribute | value | default | |\n|---|---|---|---|\n"

// table returns the table of a block's attributes, with what is wrong with their comments.
func (c *comments) table(b config.BlockType) (string, []error) {
	var rows strings.Builder
	rows.WriteString(header)
	var problems []error
	for _, a := range b.Attributes {
		text, err := c.of(a)
		if err == nil {
			err = check(a, text)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("attribute %s of %s (field %s of struct %s in %s): %w", a.Name, b.Name, a.Field, a.Type, a.Package, err))
		}
		row(&rows, a.Name, valueOf(a, text), defaultOf(a, text), text.text)
	}
	if kind, ok := connectionKind(b); ok {
		row(&rows, "connection", "text", "none", fmt.Sprintf("Name of a `connection %q` block.", kind))
	}
	return rows.String(), problems
}

// check reports a field that a reader of the manual would not understand, or that tells its default twice.
func check(a config.Attribute, c comment) error {
	switch {
	case c.text == "":
		return fmt.Errorf("it has no description: write a comment above the field, for the users of the file, then run `make manual`")
	case c.def != "" && a.Default != "" && a.Value != "boolean":
		return fmt.Errorf("the settings have the default %s: remove \"Default: %s\" from the comment", a.Default, c.def)
	}
	return nil
}

func valueOf(a config.Attribute, c comment) string {
	if c.value != "" {
		return c.value
	}
	return a.Value
}

func defaultOf(a config.Attribute, c comment) string {
	switch {
	case c.def != "":
		return c.def
	case a.Required:
		return "required"
	case a.Default != "":
		return "`" + a.Default + "`"
	}
	return "none"
}

// connectionKind returns the type of the connection blocks that a source or a sink can use.
func connectionKind(b config.BlockType) (kind string, ok bool) {
	for _, scope := range []string{"source", "sink"} {
		if _, err := fmt.Sscanf(b.Name, scope+" %q", &kind); err == nil && b.Name == fmt.Sprintf("%s %q", scope, kind) {
			return kind, true
		}
	}
	return "", false
}

func row(rows *strings.Builder, name, value, def, text string) {
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	fmt.Fprintf(rows, "| `%s` | %s | %s | %s |\n", name, cell(value), cell(def), cell(text))
}
