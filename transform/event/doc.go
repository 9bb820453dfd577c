// Package event is the block event: it turns changes of rows into domain events.
//
// The blocks of a sink that directly follow each other become one step. It compiles the rules for each shape of a table and each
// operation when it first sees the shape. A change then costs a map lookup for its table and, for each column that many rules compare
// with constants, one for the rules whose constant the row has: it costs no evaluation for any other rule.
package event
