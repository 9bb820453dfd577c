package publication

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// sent returns the columns of a managed publication that are delivered.
func (t *target) sent(major int) []string {
	if t.columns != nil {
		return t.columns
	}
	return t.carried(major)
}

// carried returns the columns that a managed publication carries.
func (t *target) carried(major int) []string {
	if list := t.listed(); list != nil {
		return list
	}
	return names(t.attributes, func(a attribute) bool { return a.Generated == "" || a.Generated == "s" && major >= 18 })
}

// checkKeySent checks that the rows of the stream carry the key, and that the old rows carry what identifies them. publish
// is the SQL that makes the publication carry more; "": there is none. old reports whether updates or deletes are
// published.
func (c *Config) checkKeySent(t *target, sent []string, old bool, publish string) error {
	id := identity(t.attributes)
	if t.Identity == "f" || !old {
		id = nil // FULL: an old row carries the same columns as a new one
	}
	key, of := t.key, "key"
	if key == nil {
		key, of = primary(t.attributes), "its primary key"
		if t.Identity == "i" && len(id) > 0 && contains(sent, id) {
			return nil // its index is unique too, and replaces a primary key that is not published
		}
	}
	lost := without(key, sent)
	if len(lost) == 0 && !contains(sent, id) && (len(key) == 0 || !contains(id, key)) {
		lost, of = without(id, sent), "its replica identity"
	}
	if len(lost) == 0 {
		return nil
	}
	why := "not in the publication's column list"
	if !slices.ContainsFunc(lost, func(n string) bool { return column(t.attributes, n).Generated == "" }) {
		why = "generated, and not published"
	}
	return problem.Refusal("key_not_published", fmt.Sprintf(
		"the stream of %s lacks %s of %s (%s): updates and deletes would not identify their row, and events would lack a part of their key",
		t, strings.Join(lost, ", "), of, why), c.keySentFix(t, lost, sent, publish))
}

// keySentFix returns the fix that makes rows identifiable. Two rows that differ in a generated column differ in the columns
// that it depends on, so those can replace it in a key.
func (c *Config) keySentFix(t *target, lost, sent []string, publish string) string {
	const other = "-- or give it a primary key of columns that are published"
	if publish != "" {
		return publish + "\n" + other + ", or set key in its block"
	}
	key := t.key
	if key == nil {
		key = primary(t.attributes)
	}
	if len(key) == 0 {
		key = identity(t.attributes)
	}
	var plain []string
	for _, n := range key {
		made := []string{n}
		if slices.Contains(lost, n) {
			made = column(t.attributes, n).Uses
		}
		plain = append(plain, without(made, plain)...)
	}
	if len(plain) == 0 || !contains(sent, plain) || t.listed() != nil || t.growth.grows { // a partition that is added later would not be under FULL
		return strings.Replace(other, "or ", "", 1)
	}
	var lines []string
	if t.Identity != "f" {
		for _, l := range t.stored() {
			lines = append(lines, "ALTER TABLE "+l.sql()+" REPLICA IDENTITY FULL;")
		}
		if t.partitioned() {
			lines = append(lines, "ALTER TABLE "+t.sql()+" REPLICA IDENTITY FULL;")
		}
	}
	return strings.Join(append(lines, fmt.Sprintf(`-- and in the file: table "%s" { key = ["%s"] }`, t, strings.Join(plain, `", "`)), other), "\n")
}

// checkForeignKeys checks the keys of the tables of an unmanaged publication.
func (c *Config) checkForeignKeys(ctx context.Context, conn *pgx.Conn, p *Plan, ts []Table) []error {
	var oids []uint32
	for _, t := range ts {
		oids = append(oids, t.OID)
	}
	found, err := c.readCandidates(ctx, conn, "c.oid = ANY ($1)", oids)
	if err != nil {
		return []error{err}
	}
	targets := make([]*target, len(found))
	for i := range found {
		targets[i] = &target{candidate: found[i]}
	}
	if errs := c.describe(ctx, conn, targets, oids); len(errs) > 0 {
		return errs
	}
	old := slices.Contains(p.actual.Publish, "update") || slices.Contains(p.actual.Publish, "delete")
	var errs []error
	for _, t := range targets {
		if err := c.checkColumns(t, p.Major); err != nil {
			errs = append(errs, err)
			continue
		}
		i := slices.IndexFunc(ts, func(pt Table) bool { return pt.OID == t.OID })
		sent := ts[i].Columns
		if t.daemon && t.columns != nil {
			sent = without(sent, without(sent, t.columns))
		}
		if err := c.checkKeySent(t, sent, old, c.publishFix(p, t, &ts[i])); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// publishFix returns the SQL by which a publication carries the whole key of a table; "" when the server cannot.
func (c *Config) publishFix(p *Plan, t *target, now *Table) string {
	alter := "ALTER PUBLICATION " + pgconnect.Ident(c.Name)
	i := slices.IndexFunc(p.actual.Tables, func(m Member) bool { return m.oid == t.OID })
	if i < 0 || p.actual.Tables[i].Columns == nil {
		if p.Major >= 18 && !p.actual.Stored {
			return alter + " SET (publish_generated_columns = stored);"
		}
		return ""
	}
	var list []string
	for _, a := range t.attributes {
		wanted := a.Key || slices.Contains(t.key, a.Name) || a.Identity && t.Identity == "i"
		if wanted && (a.Generated == "v" || a.Generated == "s" && p.Major < 18) {
			return ""
		}
		if wanted || slices.Contains(now.Columns, a.Name) {
			list = append(list, pgconnect.Ident(a.Name))
		}
	}
	add := alter + " ADD TABLE ONLY " + t.sql() + " (" + strings.Join(list, ", ") + ")"
	if now.Where != "" {
		add += " WHERE (" + now.Where + ")"
	}
	return alter + " DROP TABLE ONLY " + t.sql() + ";\n" + add + ";"
}
