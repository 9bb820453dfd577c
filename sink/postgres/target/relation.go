// Package target manages the tables of a replica: it maps a source table to its target, creates the target, and alters it when
// the shape of the source table changes. It does not handle changes or progress.
//
// A new shape passes these steps, within the target transaction that contains its first row:
//
//	1  read         reads tailrace.tables, the target's tables, and its types and collations, in one round trip
//	2  registered   finds the entries of the source table and of its target
//	3  sameTable    refuses a table of another sink, and a renamed or recreated one
//	4  typesIn      maps the types and collations to those of the target
//	5  plan         creates the table or compares it column by column, including the types
//	6  problem      returns everything that an operator has to do, or
//	7  runAll       runs the steps; plan then has to find nothing left to do
//	8  enter        records the shapes in tailrace.tables, and the parts of types in tailrace.types
package target

import (
	"fmt"
	"strings"
)

// Relation is the target of one shape of a source table, as an applier needs it. It never changes.
type Relation struct {
	OID     uint32
	Schema  string
	Name    string
	Columns []Column // one per column of the source table, in that order
	Key     []int    // indexes into Columns that identify a row; empty: only the whole row does
	Empty   bool     // it was created in this target transaction, so it contains no rows written by others
	Notes   []string // what was left out or differs from the source, for the log
}

// Column stores the values of one source column.
type Column struct {
	Name      string
	Place     int16  // pg_attribute.attnum in the target
	Type      string // in SQL, qualified and quoted, without modifier: parameters are cast to it
	Array     bool   // an array type, whose values cannot be elements of an array parameter
	Equal     bool   // the type has an "=" that a unique index could use, so equal text means equal values
	Generated bool   // GENERATED ALWAYS AS (...) in the target: it cannot be written
	Identity  bool   // GENERATED ALWAYS AS IDENTITY: an INSERT needs OVERRIDING SYSTEM VALUE, an UPDATE leaves it out
}

// Apart is an error of Relation: roll back, run each statement in a transaction of its own, and start again. A new enum label
// cannot be used in the transaction that adds it.
type Apart struct{ Statements []string }

// Error names the statements.
func (a *Apart) Error() string {
	return fmt.Sprintf("the target needs these first, each by itself: %s", strings.Join(a.Statements, "; "))
}
