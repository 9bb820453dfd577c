package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// unaltered refuses a stream when somebody else altered the publication such that changes are missing in it: since a sink
// recorded its position, or since this process accepted it. docs/decisions/0007 has the rule.
func (s *Source) unaltered(ctx context.Context, now *edition, records []capture.Record) error {
	for _, r := range records {
		was, known := parseEdition(r.Publication)
		if !known {
			continue
		}
		if what := now.altered(&was, true); len(what) > 0 {
			p := s.config.publicationAltered(what)
			p.Reason += fmt.Sprintf("; sink %s holds everything up to %s, which was before", r.Sink, r.Position)
			return p
		}
	}
	if s.accepted != nil {
		what := now.altered(s.accepted, !s.config.Manage)
		taken, err := s.taken(ctx, now.gone(s.accepted))
		if err != nil {
			return err
		}
		if what = append(what, taken...); len(what) > 0 {
			return s.config.publicationAltered(what)
		}
	}
	if n := len(now.tables); n > maxRecorded && s.accepted == nil {
		s.log.Warn("too many tables to record: over a restart it is not noticed when one is taken out of the publication",
			zap.Int("tables", n), zap.Int("most", maxRecorded))
	}
	s.accepted = now
	return nil
}

// taken says which of the members that are gone the file still wants, although they exist: they were taken out.
func (s *Source) taken(ctx context.Context, gone []member) (what []string, err error) {
	for _, m := range gone {
		if m.Name == "" || !s.config.Manage && !s.config.names(m) {
			continue
		}
		var exists bool
		err := s.side.do(ctx, func(c *pgx.Conn) error {
			return c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
				WHERE n.nspname = $1 AND t.relname = $2)`, m.Schema, m.Name).Scan(&exists)
		})
		if err != nil {
			return nil, s.config.named("look for table "+m.String(), err)
		}
		if exists {
			what = append(what, m.String()+" was taken out")
		}
	}
	return what, nil
}

// names says whether the file counts on a table of somebody else's publication.
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

func (c *Config) publicationAltered(what []string) *capture.Problem {
	const most = 10
	if len(what) > most {
		what = append(what[:most:most], fmt.Sprintf("and %d more", len(what)-most))
	}
	return &capture.Problem{
		State: "publication_altered", Halted: true, Usage: true,
		Reason: fmt.Sprintf("somebody else altered publication %s, and what was written meanwhile is missing in the stream: %s",
			c.Publication, strings.Join(what, ", ")),
		Fix: "copy the rows again: `tailrace drop -pipeline P`, then start anew with a snapshot;\n" +
			"when nothing was written meanwhile, with snapshot { mode = \"never\" }, before anybody writes again",
	}
}
