// Package config reads pipeline files: HCL with its blocks, locals, connections and secrets. It knows the structure of a file and no
// type of source, sink or step: each of those has a struct with hcl tags. An attribute is evaluated when the file is read, or kept
// as an Expression. All problems of all files are reported together, each with file, line, column, excerpt and a suggestion, and
// without secrets.
package config
