// Package target knows the tables of a replica: which one takes a source table's rows, what it looks like, and how it is
// made, or altered when the source's shape changes. It knows nothing of changes and of progress.
//
// The way of a shape through it, within the target transaction that its first row is in:
//
//	1  registered   what tailrace.tables knows of the source table and of the target
//	2  find         the target's table as it is
//	3  sameTable    refuses another's table, a renamed one, one that was dropped and made anew
//	4  lookup       what the target calls the types and collations, in one query
//	5  plan         makes the table, or compares column by column; types on the way
//	6  problem      what a person has to do, all of it at once; or
//	7  run          does it, and plans again: nothing must be left
//	8  enter        tailrace.tables
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
	Columns []Column // one for each column of the source's table, in that order
	Key     []int    // indexes into Columns: what finds a row; empty: only the whole row does
	Empty   bool     // it was created in this target transaction, so it holds no rows of anybody's
	Notes   []string // what was left out or done otherwise than in the source, for the log; nil: nothing
}

// Column takes the values of one column of the source.
type Column struct {
	Name      string
	Type      string // in SQL, qualified and quoted, without modifier: what a parameter is cast to
	Array     bool   // an array type, whose values cannot be elements of an array parameter
	Equal     bool   // the type has an "=" that a unique index could use, so equal text means equal values
	Generated bool   // GENERATED ALWAYS AS (...) in the target: it cannot be written
	Identity  bool   // GENERATED ALWAYS AS IDENTITY: an INSERT needs OVERRIDING SYSTEM VALUE, an UPDATE leaves it out
}

// Apart is an error of Relation: roll back, run the statements each in a transaction of its own, and begin again. The
// label that an enum gets cannot be used in the transaction that adds it.
type Apart struct{ Statements []string }

// Error names the statements.
func (a *Apart) Error() string {
	return fmt.Sprintf("the target needs these first, each by itself: %s", strings.Join(a.Statements, "; "))
}
