// Package expr is the evaluator of expressions that depend on a table. Package config keeps such an expression with the locals and
// functions that it uses (config.Expression); this package knows which other names it may use, checks it and compiles it.
//
// Each name of an expression is known from some time on: local, env() and file() when the files are read, the names of a scope when
// its table is known. Compiling splits an expression into parts by these times. A part that depends on no name of the scope is
// evaluated when the files are read and is constant from then on. Any other part becomes a closure over the names: a name is read
// directly, and what consists of more than names and texts is left to HCL's own evaluator, which is slow. Results are therefore kept
// per table; no closure of this package runs per row.
//
// All problems are found before a server is contacted. Each has the place of the token that causes it, and a detail that says what
// can be written instead. What a file cannot show, such as a regex() that does not match a table's name, is an error of the closure.
// The limits are maxNodes and maxText.
package expr
