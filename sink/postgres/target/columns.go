package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// column returns the target column that stores the values of a source column, or nil: there is none, or it has to be renamed
// first. A column that was renamed only in the target is found by its number: the source is expected to rename its column as
// well, and rows of the older shape may still arrive. If another column now has the name, it is used only if it is a copy. A
// repair has the source's present shape, so only the name counts.
func (p *planned) column(c *capture.Column) *foundColumn {
	f := p.found.column(c.Name)
	if own := p.own(c); own != nil && (own.Name == c.Name || !p.repairs && p.was.source(c).Name == c.Name) && (f == nil || !p.alike[f.Number]) {
		return own
	}
	if f != nil && p.another(c, f) {
		return nil
	}
	return f
}

// own returns the target column that was last recorded for a source column, or nil when it no longer exists.
func (p *planned) own(c *capture.Column) *foundColumn {
	if was := p.was.source(c); was != nil {
		return p.found.at(was.Place)
	}
	return nil
}

// another reports whether a target column is known to store values other than those of the source column with the same name:
// those of another column, or of a column that the source has dropped.
func (p *planned) another(c *capture.Column, f *foundColumn) bool {
	k := p.was.at(f.Number)
	return k != nil && k != p.was.source(c) && !p.alike[f.Number]
}

// holder returns the source column whose values a target column stores, regardless of their names.
func (p *planned) holder(f *foundColumn) *capture.Column {
	for _, columns := range [][]capture.Column{p.table.Columns, p.table.Computed} {
		for i := range columns {
			if own := p.own(&columns[i]); own != nil && own.Number == f.Number {
				return &columns[i]
			}
		}
	}
	return nil
}

// compareLeftovers checks target columns that have the name of a source column and are not known to store its values. Such a
// column is usable if all its rows contain the value that the source gave to existing rows when it added the column, or the
// values of the recorded column.
func (p *planned) compareLeftovers(ctx context.Context, conn *pgconn.PgConn) error {
	for i := range p.table.Columns {
		c := &p.table.Columns[i]
		f := p.found.column(c.Name)
		if f == nil || p.was == nil || p.holder(f) != nil {
			continue
		}
		want := ""
		switch own := p.own(c); {
		case own != nil && p.was.at(f.Number) == nil && p.was.source(c).Name == c.Name: // another column has got the name
			want = quote(own.Name) + "::pg_catalog.text"
		case own != nil, !p.another(c, f), !p.comparable(c, f):
			continue
		case c.Fill == capture.FillValue:
			want = "(" + literal(c.Filled) + "::" + f.Full + ")::pg_catalog.text"
		default:
			want = "NULL"
		}
		differs := false
		err := ask(ctx, conn, &differs, "SELECT pg_catalog.to_json(EXISTS (SELECT FROM "+p.target+" WHERE "+quote(f.Name)+
			"::pg_catalog.text IS DISTINCT FROM "+want+"))")
		if err != nil {
			return fmt.Errorf("look into %s: %w", p.target, err)
		}
		p.alike[f.Number] = !differs
	}
	return nil
}

// comparable reports whether a target column can be used for one that the source has added, provided that its values match.
func (p *planned) comparable(c *capture.Column, f *foundColumn) bool {
	if f.Generated || f.Full != p.types.sql(c.Type, c.Modifier) {
		return false
	}
	return c.Fill == capture.FillNull && !f.Default || c.Fill == capture.FillValue
}

// rest returns the columns that only the target has, for its entry. It leaves out generated columns, whose values are derived.
func (p *planned) rest(before *entry, ours []known) []known {
	var all []known
	for i := range p.found.Columns {
		f := &p.found.Columns[i]
		if f.Generated || slices.ContainsFunc(ours, func(k known) bool { return k.Place == f.Number }) {
			continue
		}
		k := known{Name: f.Name, Place: f.Number}
		if was := before.at(f.Number); was != nil {
			k = *was
		}
		if slices.ContainsFunc(ours, func(o known) bool { return o.Number == k.Number }) {
			k.Number = 0
		}
		k.Target, k.Gone = f.Full, true
		all = append(all, k)
	}
	return all
}

// renaming renames a target column.
type renaming struct {
	from   *foundColumn
	to     string
	reason string
	manual bool // an operator has to approve it; otherwise it makes room for an added column, or is part of a repair
}

// rename makes the names of the target's columns follow the source's. If a column that the source has dropped still has a name
// that is needed, it is renamed and keeps its values.
func (d *drift) rename() {
	if d.before == nil {
		return
	}
	var needed []string
	for i := range d.table.Columns {
		c := &d.table.Columns[i]
		if d.column(c) != nil {
			continue
		}
		if own := d.own(c); own != nil {
			d.moved = append(d.moved, renaming{from: own, to: c.Name, reason: d.renamed(c), manual: !d.repairs})
		}
		needed = append(needed, c.Name)
	}
	needed = append(needed, d.renameComputed()...)
	for i := 0; i < len(needed); i++ {
		f := d.found.column(needed[i])
		if f == nil || d.finally(f) != f.Name {
			continue
		}
		if c := d.holder(f); c != nil {
			d.moved = append(d.moved, renaming{from: f, to: c.Name, reason: fmt.Sprintf("column %s is called %s in the target", c.Name, f.Name), manual: !d.repairs})
			needed = append(needed, c.Name)
			continue
		}
		d.moved = append(d.moved, d.aside(f))
	}
	d.moveAll()
}

// renamed describes how a column was renamed.
func (d *drift) renamed(c *capture.Column) string {
	was := d.before.source(c).Name
	switch {
	case was == c.Name:
		return fmt.Sprintf("column %s is called %s in the target", c.Name, d.own(c).Name)
	case d.found.column(c.Name) != nil:
		return fmt.Sprintf("column %s is what was called %s", c.Name, was)
	}
	return fmt.Sprintf("column %s is now called %s", was, c.Name)
}

// aside returns the renaming of a column whose name the source now uses for an added or renamed column. The values remain.
func (d *drift) aside(f *foundColumn) renaming {
	m := renaming{from: f, reason: fmt.Sprintf("column %s was dropped and added again", f.Name)}
	if i := d.table.Column(f.Name); i >= 0 && d.own(&d.table.Columns[i]) != nil {
		m.reason = fmt.Sprintf("column %s was dropped and has its values here", f.Name)
	}
	suffix := fmt.Sprintf("_dropped_%d", f.Number)
	if !d.before.dropped(f.Number, d.table) {
		m.reason = fmt.Sprintf("column %s of the target is none of the source, and the source has one of that name now", f.Name)
		suffix, m.manual = fmt.Sprintf("_own_%d", f.Number), true
	}
	for m.to = cut(f.Name, maxName-len(suffix)) + suffix; d.found.column(m.to) != nil || d.table.Column(m.to) >= 0; {
		suffix += "_"
		m.to = cut(f.Name, maxName-len(suffix)) + suffix
	}
	return m
}

const maxName = 63 // bytes, the most that Postgres keeps of a name

// cut truncates a name to at most n bytes without splitting a character.
func cut(name string, n int) string {
	if len(name) <= n {
		return name
	}
	return strings.ToValidUTF8(name[:n], "")
}

// moveAll adds the steps of the renames. Those that make room come first. Columns that exchange names get unused names in
// between.
func (d *drift) moveAll() {
	var aside, away, back []step
	sql := func(from, to string) string {
		return "ALTER TABLE " + d.target + " RENAME COLUMN " + quote(from) + " TO " + quote(to)
	}
	crossed := slices.ContainsFunc(d.moved, func(m renaming) bool {
		return slices.ContainsFunc(d.moved, func(o renaming) bool { return d.holder(o.from) != nil && o.from.Name == m.to })
	})
	for _, m := range d.moved {
		s := step{sql: sql(m.from.Name, m.to), reason: m.reason, manual: m.manual}
		switch {
		case d.holder(m.from) == nil:
			s.sql += "; -- it has the former values; DROP COLUMN if they are not needed"
			aside = append(aside, s)
		case crossed:
			between := fmt.Sprintf("tailrace_%d", m.from.Number)
			away = append(away, step{sql: sql(m.from.Name, between), reason: m.reason, manual: m.manual})
			back = append(back, step{sql: sql(between, m.to)})
		default:
			back = append(back, s)
		}
	}
	d.moves = slices.Concat(aside, away, back)
}

// finally returns the name that a target column has after the renames.
func (d *drift) finally(f *foundColumn) string {
	for _, m := range d.moved {
		if m.from.Number == f.Number {
			return m.to
		}
	}
	return f.Name
}
