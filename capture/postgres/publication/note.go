package publication

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// If no sink of a lane keeps a record, the source keeps the lane's verdict, in the comment of its managed publication,
// until the operator removes the comment or drops the pipeline. A user's comment is kept below it.

// noteHead begins the line of the comment that has the verdict.
const noteHead = "tailrace: " + AlteredState + ": "

// noteLine formats a verdict as one line.
func noteLine(what string) string { return noteHead + strings.ReplaceAll(what, "\n", " ") }

// splitNote separates the verdict from the user's comment.
func splitNote(comment string) (note, rest string) {
	line, rest, _ := strings.Cut(comment, "\n")
	if note, ours := strings.CutPrefix(line, noteHead); ours {
		return note, rest
	}
	return "", comment
}

// comment returns the statement that sets the comment of the publication; "" removes it.
func (c *Config) comment(text string) string {
	value := "NULL"
	if text != "" {
		value = pgconnect.Literal(text)
	}
	return "COMMENT ON PUBLICATION " + pgconnect.Ident(c.Name) + " IS " + value
}

// annotate writes the note of a verdict; "" removes it. An existing note is not overwritten.
func (c *Config) annotate(ctx context.Context, conn *pgx.Conn, note string) error {
	d, err := c.define(ctx, conn)
	if err != nil || d == nil || (d.Note == "") == (note == "") {
		return err
	}
	text := d.Comment
	if note != "" {
		text = strings.TrimSuffix(noteLine(note)+"\n"+text, "\n")
	}
	return problem.Named("comment on publication "+c.Name, pgconnect.Exec(ctx, conn, c.comment(text)))
}

// keepNote writes the verdict into the publication for the next process, because no sink has a record of it.
func (k *Keeper) keepNote(ctx context.Context, note string) {
	err := k.control(ctx, func(c *pgx.Conn) error { return k.config.annotate(ctx, c, note) })
	if err != nil {
		k.log.Warn("the publication's comment does not have the verdict", zap.Error(err))
	}
}
