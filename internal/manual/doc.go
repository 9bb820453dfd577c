// Package manual writes the tables of settings in docs/configuration.md. A table has the attributes of one settings struct: their
// names, values and defaults are those of the struct, and the texts are the comments of its fields.
//
// The last paragraphs of a comment may be "Default: ...", where the struct does not tell what happens without the attribute, and
// "Value: ...", where an expression has to have a certain form.
package manual
