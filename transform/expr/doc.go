// Package expr is the evaluator of expressions that depend on a table or on a row. Package config keeps such an expression with the
// locals and functions that it uses (config.Expression); this package knows which other names it may use, checks it and compiles it.
//
// A Template depends on a table, such as a topic. Its parts that depend on no name of the scope are constant; any other part becomes a
// closure over the names, and what consists of more than names and texts is left to HCL's own evaluator, which is slow. Results are
// therefore kept per table.
//
// A Row depends on a row. NewRow checks what a file can show. For each shape of a table and operation, it is compiled to a
// Condition, a Text or a Value: closures over the texts that Postgres has printed, without HCL's evaluator and, for what is frequent,
// without allocations. The path of a compiled expression is
//
//	Holds, Append, AppendJSON -> Frame.Begin -> Node.Eval, Node.EvalText, Node.EvalJSON -> Frame.End
//
// The rowCompiler compiles an eval.Node from one node of the syntax tree. It has a static type, and what it depends on (Level): what
// depends on nothing is evaluated at once. Values are passed in registers, and texts that are made on the way are in the Frame, which is
// reused for the next row. JSON documents are never decoded: they are read where they are.
//
// A value that the log does not carry is a problem when the expression is compiled, and a named state when a row lacks it
// nevertheless; see unknown.go and decision 28.
//
// All problems are found before a server is contacted, or against the live columns before anything runs. Each has the place of the
// token that causes it, and a detail that says what can be written instead. What neither shows, such as a division by zero, is an error of
// the evaluation. The limits are maxNodes and maxText for templates, and those of eval.Frame and decimal.Number for rows.
package expr
