package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

// altered describes how another session altered the publication such that changes are missing in the stream, either since a
// sink recorded its position with an edition or since this process accepted one. docs/decisions/0007 has the rule.
func (s *Source) altered(ctx context.Context, pub *published, text string) (what []string, err error) {
	defer func() { s.names.find(what) }()
	now := &pub.Edition
	was, known := parseEdition(text)
	if known {
		s.names.learn(&was)
	}
	if text != "" && text == now.String() {
		return nil, nil // also when this process has accepted another edition since: the operator asked for that one
	}
	if known {
		what = append(now.altered(&was, true), pub.moved(&was)...)
		replaced, err := s.replaced(ctx, now, &was)
		if err != nil {
			return nil, err
		}
		uncarried, err := s.uncarried(ctx, now, &was)
		if what = slices.Concat(what, replaced, uncarried, s.names.texts()); len(what) > 0 || err != nil {
			return what, err
		}
	}
	what = s.names.texts()
	if pub.Note != "" && text == "" && s.config.Manage {
		what = append(what, fmt.Sprintf("%s (the publication's comment says so, for no sink keeps a record; to go on without what is "+
			"missing: %s; and restart)", pub.Note, s.config.comment("")))
	}
	if s.accepted == nil {
		return what, nil
	}
	what = append(what, now.altered(s.accepted, !s.config.Manage)...)
	taken, err := s.taken(ctx, now, now.gone(s.accepted))
	if err != nil {
		return nil, err
	}
	uncarried, err := s.uncarried(ctx, now, s.accepted)
	return append(append(what, taken...), uncarried...), err
}

// accept records the edition that this process has accepted: the stream has passed the start rule.
func (s *Source) accept(ctx context.Context, pub *published) {
	now := &pub.Edition
	if n := len(now.tables); n > maxRecorded && s.accepted == nil {
		s.log.Warn("too many tables to record: over a restart it is not noticed when one is taken out of the publication",
			zap.Int("tables", n), zap.Int("most", maxRecorded))
	}
	s.accepted = now
	s.names.forget()
	s.added = nil // they are in the list of joins
	if pub.Note != "" && s.config.Manage {
		s.keepNote(ctx, "")
	}
}

// dropped returns the tables that this process has accepted under names that the file has and that no published table has
// now: they were dropped or renamed. A table that gets such a name later is not in the stream until the publication
// includes it.
func (s *Source) dropped(now *edition) (dropped []membership) {
	if s.accepted == nil || !s.config.Manage {
		return nil
	}
	_, names := now.index()
	for _, t := range slices.Concat(s.accepted.tables, s.accepted.dropped) {
		if m := t.member; m.Name != "" && names[t.name] == nil && s.config.wants(m.Schema, m.Name) {
			dropped = append(dropped, t)
		}
	}
	return dropped
}

// taken describes which of the missing members still exist and are still wanted by the file: they were removed from the
// publication.
func (s *Source) taken(ctx context.Context, now *edition, gone []member) (what []string, err error) {
	rows, _ := now.index()
	for _, m := range gone {
		if m.Name == "" || !s.config.Manage && !s.config.names(m) {
			continue
		}
		var exists bool
		if err := s.side.do(ctx, func(c *pgx.Conn) (err error) {
			exists, err = s.config.exists(ctx, c, m)
			return err
		}); err != nil {
			return nil, err
		}
		switch {
		case exists && rows[m.row]:
			what = append(what, m.String()+" is another table now, which is not published")
		case exists:
			what = append(what, m.String()+" was taken out")
		}
	}
	return what, nil
}

// names reports whether the file refers to a table of a publication that tailrace does not manage.
func (c *Config) names(m member) bool {
	texts := c.Tables
	for _, o := range c.Options {
		texts = append(texts[:len(texts):len(texts)], o.Name)
	}
	for _, text := range texts {
		if p, err := parsePattern(text); err == nil && p.match(m.Schema, m.Name) {
			return true
		}
	}
	return false
}

// exists reports whether a relation has the name of one of the members.
func (c *Config) exists(ctx context.Context, conn *pgx.Conn, ms ...member) (exists bool, err error) {
	var schemas, names []string
	for _, m := range ms {
		schemas, names = append(schemas, m.Schema), append(names, m.Name)
	}
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) w(schema, name)
		JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = w.name)`,
		schemas, names).Scan(&exists)
	if err != nil {
		err = c.named("look for tables", err)
	}
	return exists, err
}
