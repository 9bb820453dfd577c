package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// A lane without a sink that keeps a record keeps its verdict at the source, in the comment of its managed publication, until
// the operator removes the comment or drops the pipeline. A comment of the user's stays below it.

// noteHead begins the comment's line with a verdict.
const noteHead = "tailrace: " + publicationAltered + ": "

// noteLine is a verdict as a line.
func noteLine(what string) string { return noteHead + strings.ReplaceAll(what, "\n", " ") }

// splitNote separates the verdict from the user's comment.
func splitNote(comment string) (note, rest string) {
	line, rest, _ := strings.Cut(comment, "\n")
	if note, ours := strings.CutPrefix(line, noteHead); ours {
		return note, rest
	}
	return "", comment
}

// comment is the statement that gives the publication a comment; "": none.
func (c *Config) comment(text string) string {
	value := "NULL"
	if text != "" {
		value = pgconnect.Literal(text)
	}
	return "COMMENT ON PUBLICATION " + ident(c.Publication) + " IS " + value
}

// annotate writes the note of a verdict, or removes it: "". A note that is there stays.
func (c *Config) annotate(ctx context.Context, conn *pgx.Conn, note string) error {
	d, err := c.define(ctx, conn)
	if err != nil || d == nil || (d.Note == "") == (note == "") {
		return err
	}
	text := d.Comment
	if note != "" {
		text = strings.TrimSuffix(noteLine(note)+"\n"+text, "\n")
	}
	return c.named("comment on publication "+c.Publication, exec(ctx, conn, c.comment(text)))
}

// keepNote has the publication say what was judged, for the next process: no sink's record does.
func (s *Source) keepNote(ctx context.Context, note string) {
	err := s.side.do(ctx, func(c *pgx.Conn) error { return s.config.annotate(ctx, c, note) })
	if err != nil {
		s.log.Warn("the publication's comment does not have the verdict", zap.Error(err))
	}
}
