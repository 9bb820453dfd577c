// Package config reads pipeline files: HCL with its blocks, locals, connections and secrets. It knows the shape of a
// file and no kind of source or sink: those bring a struct with hcl tags. Every problem of all files is reported
// together, each with file, line, column, excerpt and what was probably meant, and without a secret.
package config
