package decode

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// Rule is what the file says about rows of a table that the server sends whole and that are reduced here.
type Rule struct {
	Columns []string         // those that are delivered; nil: all
	Known   []string         // other columns that the file names, so that they are not new
	New     NewColumns       // what becomes of columns that were added to the table after the file was applied
	Filter  func() RowFilter // creates a filter for one goroutine; nil: all rows are delivered
}

// NewColumns is what becomes of columns that are added to a table.
type NewColumns uint8

// The values of new_columns.
const (
	PublishNew NewColumns = iota // they are delivered
	DropNew                      // they are not
	HaltAtNew                    // no row that has one is delivered: the stream ends with NewColumn
)

// RowFilter decides which rows of a table are delivered. One goroutine uses it.
type RowFilter interface {
	// Apply reports whether a change is delivered. It makes an update an insert when only the new row passes, and a delete when only
	// the old one does. The error is a *capture.Problem.
	Apply(c *capture.Change) (bool, error)
	// Reads returns the columns that decide.
	Reads() []string
}

// Rules returns the rule of a table; nil: its rows are delivered as the server sends them.
type Rules func(schema, name string) *Rule

// Baseline is which columns of a table are not new.
type Baseline struct {
	Columns int16    // the highest number of a column
	Names   []uint32 // the hashes of the names of the columns that the server sent
}

// Reduction is how the rows of one shape of a table become those that are delivered.
type Reduction struct {
	full   *capture.Table // as the server sends them
	table  *capture.Table // as they are delivered
	keep   []int          // indexes into the columns of full
	reads  []int          // those that a copy reads: keep, and what the filter needs
	filter RowFilter      // nil: all rows are delivered
	halt   error          // why no row is delivered; nil: rows are
}

// Reduce sets the rules by which rows are reduced, and the baselines of tables whose rules depend on new columns, by OID. A table
// without a baseline has the one of its first description.
func (r *Relations) Reduce(rules Rules, baselines map[uint32]Baseline) {
	r.rules = rules
	for oid, b := range baselines {
		r.baselines[oid] = b
	}
}

// reduce returns how rows of a described table are reduced; nil: they are delivered as they are.
func (r *Relations) reduce(full *capture.Table, m *pgoutput.Relation, d description) *Reduction {
	if r.rules == nil {
		return nil
	}
	rule := r.rules(full.Schema, full.Name)
	if rule == nil {
		return nil
	}
	red := &Reduction{full: full}
	if old := r.reduced[m.ID]; old != nil {
		if reflect.DeepEqual(old.full, full) {
			red.full = old.full // what is compiled for a shape is found by its pointer
		}
		red.filter = old.filter
	}
	if red.filter == nil && rule.Filter != nil {
		red.filter = rule.Filter()
	}
	red.keep, red.halt = r.kept(rule, full, m, d)
	red.table = narrowed(full, red.keep)
	red.reads = readBy(red)
	return red
}

// copyReduction returns the reduction of a described table for another goroutine; nil: there is none.
func (r *Relations) copyReduction(m *pgoutput.Relation) *Reduction {
	red := r.reduced[m.ID]
	if red == nil {
		return nil
	}
	other := *red
	if other.filter != nil {
		other.filter = r.rules(m.Schema, m.Name).Filter()
	}
	return &other
}

// kept returns the indexes of the columns that are delivered, or why none of the rows can be.
func (r *Relations) kept(rule *Rule, t *capture.Table, m *pgoutput.Relation, d description) (keep []int, halt error) {
	if err := r.renamedAway(rule, t); err != nil {
		return nil, err
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		switch listed := slices.Contains(rule.Columns, c.Name); {
		case listed:
			keep = append(keep, i)
			continue
		case rule.Columns == nil && (rule.New == PublishNew || slices.Contains(rule.Known, c.Name)):
			keep = append(keep, i)
			continue
		case rule.New != HaltAtNew && rule.Columns != nil:
			continue
		}
		switch isNew := r.isNew(c, m, d); {
		case isNew && (rule.New == HaltAtNew || c.Key):
			return keep, newColumn(t, c.Name)
		case !isNew && rule.Columns == nil:
			keep = append(keep, i)
		}
	}
	var lost []string
	for _, k := range t.Key {
		if !slices.Contains(keep, k) {
			lost = append(lost, t.Columns[k].Name)
		}
	}
	if len(lost) > 0 {
		return keep, keyLeftOut(t, lost)
	}
	return keep, nil
}

// keyLeftOut is the problem of a key that was changed to one that columns does not have.
func keyLeftOut(t *capture.Table, lost []string) *capture.Problem {
	return problem.Refusal("key_not_carried", fmt.Sprintf("%s: columns leaves out %s of the key", t, strings.Join(lost, ", ")),
		"add to columns, and restart: "+strings.Join(lost, ", "))
}

// renamedAway reports a listed column that neither the row nor the table of today has. A row that is older than the column is none.
func (r *Relations) renamedAway(rule *Rule, t *capture.Table) error {
	for _, name := range rule.Columns {
		if t.Column(name) >= 0 {
			continue
		}
		if now := r.read.latest(t.OID); now != nil && now.column(name) == nil {
			return problem.Refusal("column_missing", fmt.Sprintf("%s has no column %s any more, which columns of its block names", t, name),
				"correct columns in the file, and restart; the table's columns: "+strings.Join(namesOf(t), ", "))
		}
	}
	return nil
}

// isNew reports whether a column was added after the baseline of its table. Where its number is not known, such as that of a table that
// is gone, its name decides.
func (r *Relations) isNew(c *capture.Column, m *pgoutput.Relation, d description) bool {
	base, found := r.baselines[m.ID]
	if !found {
		base = r.firstBaseline(m, d)
		r.baselines[m.ID] = base
	}
	switch {
	case c.Number > 0:
		return c.Number > base.Columns
	case c.Unsure && c.Latest <= base.Columns:
		return false
	}
	return !slices.Contains(base.Names, hashName(c.Name))
}

// firstBaseline returns the baseline of a table that has no record: what is known of it now.
func (r *Relations) firstBaseline(m *pgoutput.Relation, d description) Baseline {
	base := Baseline{Columns: d.last()}
	if now := r.read.latest(m.ID); now != nil {
		base.Columns = max(base.Columns, now.last())
	}
	for i := range m.Columns {
		base.Names = append(base.Names, hashName(m.Columns[i].Name))
	}
	return base
}

// last returns the highest number of a column that the table has or had.
func (d *description) last() (n int16) {
	for _, all := range [][]attr{d.columns, d.dropped} {
		for i := range all {
			n = max(n, all[i].Number)
		}
	}
	return n
}

// narrowed returns a table with some of its columns. The key is among them: Preflight and newColumn see to that.
func narrowed(full *capture.Table, keep []int) *capture.Table {
	t := *full
	t.Columns, t.Key, t.Computed, t.Deferrable = make([]capture.Column, len(keep)), nil, nil, nil
	for i, k := range keep {
		t.Columns[i] = full.Columns[k]
	}
	for _, k := range full.Key {
		if i := slices.Index(keep, k); i >= 0 {
			t.Key = append(t.Key, i)
		}
	}
	if len(keep) == len(full.Columns) {
		t.Computed = full.Computed
	}
	for _, names := range full.Deferrable {
		if !slices.ContainsFunc(names, func(name string) bool { return t.Column(name) < 0 }) {
			t.Deferrable = append(t.Deferrable, names)
		}
	}
	return &t
}

// readBy returns the columns that a copy of rows reads.
func readBy(red *Reduction) (reads []int) {
	var needed []string
	if red.filter != nil {
		needed = red.filter.Reads()
	}
	for i := range red.full.Columns {
		if slices.Contains(red.keep, i) || slices.Contains(needed, red.full.Columns[i].Name) {
			reads = append(reads, i)
		}
	}
	return reads
}

// NewColumn is the state of a stream that has reached rows with a column that the file does not expect.
const NewColumn = "new_column"

// newColumn is the problem of rows with a new column.
func newColumn(t *capture.Table, column string) *capture.Problem {
	return &capture.Problem{
		State: "new_column", Halted: true, // a literal, as the test of the manual looks for those
		Reason: fmt.Sprintf("%s has a new column, %s, and the file does not define whether it is published", t, column),
		Fix: fmt.Sprintf("publish it: add %[1]q to columns of table %[2]q or, without columns, set new_columns = \"publish\" there;\n"+
			"or leave it out: set new_columns = \"drop\"; then restart", column, t),
	}
}

func namesOf(t *capture.Table) []string {
	names := make([]string, len(t.Columns))
	for i := range t.Columns {
		names[i] = t.Columns[i].Name
	}
	return names
}

// hashName returns the hash of the name of a column, as publication.Baseline has it.
func hashName(name string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(append([]byte(name), 0)) // never fails
	return h.Sum32()
}
