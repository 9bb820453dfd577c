package manual

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tailrace/tailrace/config"
)

// section is a generated part of the document, with the name of its block.
var section = regexp.MustCompile(`(?s)<!-- settings: ([^\n]*?) -->\n.*?<!-- end of settings -->`)

// Update returns the document with its tables as the settings and their comments have them now. module is the import path of the
// module, and root its folder. problems are settings without a description or without a section, and sections without settings.
func Update(document string, blocks []config.BlockType, module, root string) (updated string, problems []error) {
	c := &comments{module: module, root: root, packages: map[string]map[string]string{}}
	tables := map[string]string{}
	for _, b := range flatten(blocks) {
		table, wrong := c.table(b)
		tables[b.Name], problems = table, append(problems, wrong...)
	}
	written := map[string]bool{}
	updated = section.ReplaceAllStringFunc(document, func(old string) string {
		name := section.FindStringSubmatch(old)[1]
		table, known := tables[name]
		if !known {
			problems = append(problems, fmt.Errorf("there is a section for the settings of %s, and no block of that type: remove it", name))
			return old
		}
		written[name] = true
		return begin(name) + table + end
	})
	for _, b := range flatten(blocks) {
		if !written[b.Name] {
			problems = append(problems, fmt.Errorf("there is no section for %s: write these two lines into docs/configuration.md where its table belongs, then run `make manual`:\n%s%s", b.Name, begin(b.Name), end))
		}
	}
	return updated, problems
}

func begin(name string) string { return "<!-- settings: " + name + " -->\n" }

const end = "<!-- end of settings -->"

// flatten returns the blocks that have attributes, with those nested in them.
func flatten(blocks []config.BlockType) (all []config.BlockType) {
	for _, b := range blocks {
		if len(b.Attributes) > 0 {
			all = append(all, b)
		}
		all = append(all, flatten(b.Blocks)...)
	}
	return all
}

// setting is a piece of inline code that sets an attribute, or begins a block.
var setting = regexp.MustCompile("`(?:[a-z_]+ (?:\"[^\"`]*\" )*\\{ )?([a-z_]+)(?: \"[^\"`]*\")*(?: = [^`]*| \\{[^`]*)`")

// UnknownNames returns the names in the prose of a document that look like settings, such as `mode = "initial"`, and that no block has.
// other are names with that form that are no settings.
func UnknownNames(document string, blocks []config.BlockType, other ...string) (unknown []string) {
	known := map[string]bool{"enabled": true, "connection": true, "pipeline": true, "source": true, "sink": true, "locals": true}
	for _, name := range other {
		known[name] = true
	}
	for _, b := range flatten(blocks) {
		words := strings.Fields(b.Name)
		known[words[len(words)-1]] = true
		for _, a := range b.Attributes {
			known[a.Name] = true
		}
	}
	for _, m := range setting.FindAllStringSubmatch(document, -1) {
		if !known[m[1]] {
			unknown = append(unknown, m[0])
		}
	}
	return unknown
}
