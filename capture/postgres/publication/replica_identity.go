package publication

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture/postgres/problem"
)

// checkTarget returns the reasons why publishing a table would make the application's own UPDATE and DELETE fail, or would
// leave a delete without its key. Each problem is found before the publication is changed.
func (c *Config) checkTarget(t *target, major int) []error {
	if err := c.checkColumns(t, major); err != nil {
		return []error{err}
	}
	var errs []error
	if t.partitioned() {
		errs = c.checkTree(t)
		if len(identity(t.attributes)) == 0 {
			return errs // the problems of its partitions follow from it
		}
	}
	for _, l := range t.stored() {
		if bad := c.checkIdentity(t, &l, major); bad != nil {
			errs = append(errs, bad)
		}
	}
	if len(errs) == 0 {
		if bad := c.checkKey(t); bad != nil {
			errs = append(errs, bad)
		} else if bad = c.checkKeySent(t, t.sent(major), true, ""); bad != nil {
			errs = append(errs, bad)
		}
	}
	return errs
}

func identity(as []attribute) []string {
	return names(as, func(a attribute) bool { return a.Identity })
}
func primary(as []attribute) []string { return names(as, func(a attribute) bool { return a.Key }) }

// checkIdentity checks a table that holds rows.
func (c *Config) checkIdentity(t *target, l *leaf, major int) error {
	id := identity(l.attributes)
	virtual := names(l.attributes, func(a attribute) bool { return a.Generated == "v" })
	switch {
	case len(id) == 0 && l.Identity != "f": // else it is a table without any column, whose rows are empty
		reason := "it has no primary key, and its replica identity is the default"
		switch l.Identity {
		case "n":
			reason = "its replica identity is NOTHING"
		case "i":
			reason = "the index of its replica identity is gone"
		case "d":
			if len(primary(l.attributes)) > 0 {
				reason = "its primary key is deferrable, which is no replica identity"
			}
		}
		return problem.Refusal("replica_identity_missing", fmt.Sprintf(
			"%s has no usable replica identity (%s): once published, every UPDATE and DELETE on it would fail", l, reason),
			c.identityFix(t, l)+"\n-- or add a primary key; or leave the table out by except")
	case t.listed() != nil && l.Identity == "f":
		return problem.Refusal("columns_break_updates", fmt.Sprintf(
			"%s has REPLICA IDENTITY FULL, and with a column list every UPDATE and DELETE on it would fail", l),
			c.identityFix(t, l)+"\n-- or let the daemon drop the other columns: "+byDaemon(t))
	case t.listed() != nil && !contains(t.columns, id):
		return problem.Refusal("columns_break_updates", fmt.Sprintf(
			"columns of %s leaves out %s of the replica identity: every UPDATE and DELETE on it would fail",
			t, strings.Join(without(id, t.columns), ", ")),
			"-- add to columns: "+strings.Join(without(id, t.columns), ", ")+"\n-- or let the daemon drop the other columns: "+byDaemon(t))
	case l.Identity == "f" && len(virtual) > 0 && major >= 18:
		return problem.Refusal("replica_identity_generated", fmt.Sprintf(
			"%s has REPLICA IDENTITY FULL and a virtual generated column (%s), which is never published: once published, "+
				"every UPDATE and DELETE on it would fail", l, strings.Join(virtual, ", ")),
			c.identityFix(t, l))
	}
	return nil
}

// byDaemon returns what to write in the file so that the publication needs no column list and no row filter.
func byDaemon(t *target) string {
	return fmt.Sprintf(`in the block of table %q set enforce = "daemon"`, t)
}

// identityFix returns the SQL for a replica identity that works with what is published.
func (c *Config) identityFix(t *target, l *leaf) string {
	alter := "ALTER TABLE " + l.sql() + " REPLICA IDENTITY "
	generated := slices.ContainsFunc(l.attributes, func(a attribute) bool { return a.Generated == "v" })
	switch {
	case len(primary(l.attributes)) > 0 && l.Identity != "d":
		return alter + "DEFAULT;"
	case t.listed() != nil || generated:
		return "-- add a primary key: ALTER TABLE " + l.sql() + " ADD PRIMARY KEY (...);"
	}
	return alter + "FULL;"
}

// checkTree checks a partition tree. Postgres labels an old row by the root's replica identity and fills it by the
// partition's, so the partition's must include the root's. Each has to be set separately: identities are not inherited.
func (c *Config) checkTree(t *target) []error {
	var errs []error
	if len(identity(t.attributes)) == 0 {
		fix := c.identityFix(t, &leaf{t.candidate, t.attributes})
		if t.growth.grows && !t.growth.keyed {
			fix = t.keyFix()
		}
		return []error{problem.Refusal("replica_identity_missing", fmt.Sprintf(
			"%s has no usable replica identity: old rows of its partitions would carry nothing", t), fix)}
	}
	for _, l := range t.leaves {
		if why := unpublishable(&l.candidate); why != "" {
			errs = append(errs, problem.Refusal("table_not_publishable", fmt.Sprintf(
				"partition %s of %s cannot be published: %s", &l, t, why), "detach it, or leave the table out by except"))
			continue
		}
		lost := without(identity(t.attributes), identity(l.attributes))
		if len(lost) == 0 || len(identity(l.attributes)) == 0 {
			continue // checkIdentity reports the latter
		}
		fix := "ALTER TABLE " + l.sql() + " REPLICA IDENTITY FULL;"
		if t.Identity != "f" && len(primary(t.attributes)) > 0 {
			fix = "ALTER TABLE " + t.sql() + " REPLICA IDENTITY DEFAULT;\nALTER TABLE " + l.sql() + " REPLICA IDENTITY DEFAULT;"
		}
		errs = append(errs, problem.Refusal("replica_identity_mixed", fmt.Sprintf(
			"the replica identity of partition %s lacks %s, which that of %s has: old rows would be wrong",
			&l, strings.Join(lost, ", "), t), fix))
	}
	return errs
}

// checkKey checks that a delete carries the key.
func (c *Config) checkKey(t *target) error {
	key, from := t.key, "key"
	if key == nil {
		key, from = primary(t.attributes), "the primary key"
	}
	if lost := without(key, identity(t.attributes)); len(lost) > 0 {
		fix := "ALTER TABLE " + t.sql() + " REPLICA IDENTITY FULL;"
		if t.key == nil {
			fix = "ALTER TABLE " + t.sql() + " REPLICA IDENTITY DEFAULT;\n-- or set key to the columns of the replica identity"
		} else if t.listed() != nil {
			fix = "-- make a unique index of these columns (all NOT NULL) its replica identity:\n-- ALTER TABLE " + t.sql() +
				" REPLICA IDENTITY USING INDEX ...;"
		}
		return problem.Refusal("key_not_carried", fmt.Sprintf(
			"%s: the replica identity does not carry %s of %s: a delete would have no key", t, strings.Join(lost, ", "), from), fix)
	}
	if lost := without(key, t.columns); t.columns != nil && len(lost) > 0 {
		return problem.Refusal("key_not_carried", fmt.Sprintf("%s: columns leaves out %s of %s", t, strings.Join(lost, ", "), from),
			"-- add to columns: "+strings.Join(lost, ", "))
	}
	return nil
}

// checkColumns checks the column names of a table block.
func (c *Config) checkColumns(t *target, major int) error {
	o := c.option(t.String())
	if o == nil {
		return nil
	}
	for _, n := range slices.Concat(o.Key, o.Columns) {
		a := column(t.attributes, n)
		if a == nil {
			known := names(t.attributes, func(attribute) bool { return true })
			p := problem.Refusal("column_missing", fmt.Sprintf("%s has no column %s", t, n), "its columns: "+strings.Join(known, ", "))
			if near := closest(n, known); near != "" {
				p.Fix = fmt.Sprintf("did you mean %s?\n", near) + p.Fix
			}
			return p
		}
		if a.Generated == "v" || a.Generated == "s" && major < 18 {
			fix := "-- leave it out"
			if len(a.Uses) > 0 {
				fix += "; it is made of " + strings.Join(a.Uses, ", ")
			}
			return problem.Refusal("column_generated", fmt.Sprintf("column %s of %s is generated, and this server does not publish it", n, t), fix)
		}
	}
	return nil
}

// contains reports whether every element of part is in whole.
func contains(whole, part []string) bool { return len(without(part, whole)) == 0 }

// without returns the elements of from that are not in others.
func without(from, others []string) []string {
	var left []string
	for _, s := range from {
		if !slices.Contains(others, s) {
			left = append(left, s)
		}
	}
	return left
}
