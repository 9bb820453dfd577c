// Package ddl tests replicas with random changes of the source's schema: columns, types, tables and partitions are altered
// between and within transactions that write rows, while the daemon runs, lags, is killed, or hands over to another one.
//
// A Program is a list of actions, one per line, which Generate creates from a seed and a set of kinds of DDL; the same seed
// gives the same program. A Stage runs it: a source, a replica and a daemon. At every settle it follows the fixes of the
// states that the daemon reports, to the letter, as an operator would, and compares all tables. A Fault is a finding: a
// difference without a state, a fix that has no effect or leads to other rows, a daemon that ends by itself. Reduce removes
// the actions and statements that a fault does not need.
package ddl
