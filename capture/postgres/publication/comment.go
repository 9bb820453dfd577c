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

// verdictHead begins the line of the comment that has the verdict.
const verdictHead = "tailrace: " + AlteredState + ": "

// verdictLine formats a verdict as one line.
func verdictLine(what string) string { return verdictHead + strings.ReplaceAll(what, "\n", " ") }

// splitVerdict separates the verdict from the user's comment.
func splitVerdict(comment string) (verdict, rest string) {
	line, rest, _ := strings.Cut(comment, "\n")
	if verdict, ours := strings.CutPrefix(line, verdictHead); ours {
		return verdict, rest
	}
	return "", comment
}

// Comment is the comment of a publication.
type Comment struct {
	Verdict   string // "": there is none
	Rest      string // what stands below the verdict
	Baselines string // below that, see Baseline; "": there are none
}

// String returns the whole text, without a line break at its end.
func (c Comment) String() string {
	var parts []string
	if c.Verdict != "" {
		parts = append(parts, verdictLine(c.Verdict))
	}
	if rest := strings.TrimSuffix(c.Rest, "\n"); rest != "" {
		parts = append(parts, rest)
	}
	if c.Baselines != "" {
		parts = append(parts, baselineHead+c.Baselines)
	}
	return strings.Join(parts, "\n")
}

// ReadComment reads the publication's comment; exists is false when there is no publication.
func (c *Config) ReadComment(ctx context.Context, conn *pgx.Conn) (comment Comment, exists bool, err error) {
	d, err := c.define(ctx, conn)
	if err != nil || d == nil {
		return Comment{}, false, err
	}
	return Comment{Verdict: d.Verdict, Rest: d.Comment, Baselines: d.Baselines}, true, nil
}

// CommentStatement returns the statement that sets the comment of the publication; "" removes it.
func (c *Config) CommentStatement(text string) string {
	value := "NULL"
	if text != "" {
		value = pgconnect.Literal(text)
	}
	return "COMMENT ON PUBLICATION " + pgconnect.Ident(c.Name) + " IS " + value
}

// writeVerdict writes a verdict into the comment; "" removes it. An existing verdict is not overwritten.
func (c *Config) writeVerdict(ctx context.Context, conn *pgx.Conn, verdict string) error {
	d, err := c.define(ctx, conn)
	if err != nil || d == nil || (d.Verdict == "") == (verdict == "") {
		return err
	}
	text := Comment{Verdict: verdict, Rest: d.Comment, Baselines: d.Baselines}.String()
	return problem.Named("comment on publication "+c.Name, pgconnect.Exec(ctx, conn, c.CommentStatement(text)))
}

// recordVerdict writes the verdict into the publication for the next process, because no sink has a record of it.
func (k *Keeper) recordVerdict(ctx context.Context, verdict string) {
	err := k.control(ctx, func(c *pgx.Conn) error { return k.config.writeVerdict(ctx, c, verdict) })
	if err != nil {
		k.log.Warn("the publication's comment does not have the verdict", zap.Error(err))
	}
}
