package decode

import (
	"slices"

	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// A message between two versions of its table, or before all that were read, describes a state that no reading shows. The
// server sends columns in the order of their numbers, and gives each new column the next number, never one that was used
// before. So the numbers follow from the columns that existed at that moment: each transaction that has changed the
// catalogue either had ended (its rows read as they were read later) or had not (its columns had another name or did not
// exist yet). Each combination that matches the message is a solution. A column that has the same number in all of them is
// certain; any other column has none.

// maxSwitches is the maximum number of undecided transactions: there are 2 to the power of that combinations.
const maxSwitches = 8

// columnSlot is a column that a table has had, with what is known about it at the moment of a message.
type columnSlot struct {
	*attr
	group int  // the transaction that may or may not have ended; -1: it had
	there bool // it existed before
}

// solver finds the numbers of a message's columns.
type solver struct {
	m      *pgoutput.Relation
	slots  []columnSlot
	groups int
	listed bool // the publication may omit columns
	steps  int

	found   int
	numbers []int16        // of the columns; -1: unknown yet, 0: several
	latest  []int16        // the highest number of each
	wild    map[int16]bool // columns that may have had another name or type
	path    []int16
}

// maxSteps bounds the work for tables with very many columns.
const maxSteps = 1_000_000

// solve returns a description as of the time when the message's row was written in the transaction xid. settled reports
// whether a transaction is known to have ended before.
func (d *description) solve(m *pgoutput.Relation, before *version, xid uint32, settled func(uint32) bool) description {
	s := &solver{m: m, slots: d.slots(before, xid, settled)}
	for _, sl := range s.slots {
		s.groups = max(s.groups, sl.group+1)
	}
	for _, s.listed = range []bool{false, true} {
		s.found, s.numbers, s.wild = 0, slices.Repeat([]int16{-1}, len(m.Columns)), map[int16]bool{}
		s.latest = make([]int16, len(m.Columns))
		if s.groups <= maxSwitches {
			s.all()
		}
		if s.found > 0 || s.steps > maxSteps {
			break
		}
	}
	if s.found == 0 || s.steps > maxSteps {
		clear(s.numbers)
		for i := range s.latest {
			s.latest[i] = s.slots[len(s.slots)-1].Number
		}
	}
	return d.as(m, s, before)
}

// slots returns the columns of a table in the order of their numbers.
func (d *description) slots(before *version, xid uint32, settled func(uint32) bool) []columnSlot {
	var all []columnSlot
	for _, attrs := range [][]attr{d.columns, d.dropped} {
		for i := range attrs {
			all = append(all, columnSlot{attr: &attrs[i], group: -1})
		}
	}
	slices.SortFunc(all, func(a, b columnSlot) int { return int(a.Number) - int(b.Number) })
	groups, n := map[uint32]int{}, 0
	for i := range all {
		s := &all[i]
		if before != nil {
			was := before.number(s.Number)
			if s.there = was != nil; s.there && was.XID == s.XID {
				continue
			}
		}
		if settled(s.XID) || s.Created && (s.XID != xid || s.Unaltered) { // there are rows, so the table existed
			continue
		}
		group, known := groups[s.XID]
		if !known || s.XID == xid { // within its own transaction a message may lie between any two changes
			group = n
			n++
			groups[s.XID] = group
		}
		s.group = group
	}
	return all
}

// number finds a column by its number, including a dropped one; nil when there is none.
func (d *description) number(n int16) *attr {
	for _, attrs := range [][]attr{d.columns, d.dropped} {
		if i := slices.IndexFunc(attrs, func(a attr) bool { return a.Number == n }); i >= 0 {
			return &attrs[i]
		}
	}
	return nil
}

// all tries every combination: which transactions had ended, and which of the last columns did not exist yet.
func (s *solver) all() {
	for over := range uint(1) << s.groups {
		for n := len(s.slots); n >= 0; n-- {
			s.path = s.path[:0]
			s.place(over, n, 0, 0)
			if n == 0 || s.slots[n-1].there || s.ended(over, s.slots[n-1]) {
				break // this one existed
			}
		}
	}
}

func (s *solver) ended(over uint, sl columnSlot) bool { return sl.group < 0 || over&(1<<sl.group) != 0 }

// place assigns the message's columns from c on to the slots from i on, of the first n.
func (s *solver) place(over uint, n, i, c int) {
	if s.steps++; s.steps > maxSteps || len(s.m.Columns)-c > n-i {
		return
	}
	if i == n {
		if c == len(s.m.Columns) {
			s.record(over, n)
		}
		return
	}
	sl := s.slots[i]
	fits, skips := false, false
	switch {
	case s.ended(over, sl) && sl.Dropped:
		skips = true
	case s.ended(over, sl):
		fits = c < len(s.m.Columns) && sl.is(s.m.Columns[c])
		skips = (sl.Generated || s.listed) && !s.named(sl.Name)
	default:
		fits = c < len(s.m.Columns)
		skips = sl.Generated || s.listed
	}
	if fits {
		s.path = append(s.path, sl.Number)
		s.place(over, n, i+1, c+1)
		s.path = s.path[:len(s.path)-1]
	}
	if skips {
		s.place(over, n, i+1, c)
	}
}

func (s *solver) named(name string) bool {
	return slices.ContainsFunc(s.m.Columns, func(c pgoutput.Column) bool { return c.Name == name })
}

// record records a solution.
func (s *solver) record(over uint, n int) {
	s.found++
	for c, number := range s.path {
		s.latest[c] = max(s.latest[c], number)
		if s.numbers[c] < 0 {
			s.numbers[c] = number
		} else if s.numbers[c] != number {
			s.numbers[c] = 0
		}
	}
	for i, sl := range s.slots {
		if i >= n || !s.ended(over, sl) {
			s.wild[sl.Number] = true
		}
	}
}

// as returns a description with the message's names, built from what the columns with these numbers are now.
func (d *description) as(m *pgoutput.Relation, s *solver, before *version) description {
	if before == nil {
		before = &version{}
	}
	t := description{fingerprint: d.fingerprint}
	names := map[string]string{} // of the message, by those of the catalogue
	for i, c := range m.Columns {
		a := attr{Name: c.Name, Type: c.Type, Modifier: c.Modifier, Default: true}
		if s.numbers[i] == 0 {
			a.unsure, a.latest = true, s.latest[i]
		}
		if now := d.number(s.numbers[i]); now != nil {
			names[now.Name] = c.Name
			if a.Number = now.Number; !now.Dropped {
				a = *now
				a.Name, a.Type, a.Modifier = c.Name, c.Type, c.Modifier
				if was := before.number(a.Number); was != nil && s.wild[a.Number] {
					a.Required = a.Required && was.Required
				}
			}
		}
		t.columns = append(t.columns, a)
	}
	for _, a := range d.columns {
		if _, sent := names[a.Name]; !sent && !s.named(a.Name) && (a.Generated || s.listed && !s.wild[a.Number]) {
			names[a.Name] = a.Name
			t.columns = append(t.columns, a)
		}
	}
	t.key, t.identity = renamed(d.key, names), renamed(d.identity, names)
	for _, late := range d.late {
		if late = renamed(late, names); late != nil {
			t.late = append(t.late, late)
		}
	}
	return t
}

// renamed translates column names to those of another moment; nil when one did not exist.
func renamed(all []string, names map[string]string) []string {
	var to []string
	for _, name := range all {
		now, there := names[name]
		if !there {
			return nil
		}
		to = append(to, now)
	}
	return to
}
