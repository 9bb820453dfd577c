package joined

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

const joinsHead = "tailrace: " + RowsNotCopied + ": "

// splitJoins separates the line of the list from the rest of a comment.
func splitJoins(comment string) (line, rest string) {
	line, rest, _ = strings.Cut(comment, "\n")
	if strings.HasPrefix(line, joinsHead) {
		return line, rest
	}
	return "", comment
}

// joinsLine formats a list: the names, with their OIDs.
func joinsLine(list *joinList, names map[uint32]string) string {
	var parts []string
	for oid, t := range list.tables {
		if name := names[oid]; t.status != joinSettled && name != "" {
			parts = append(parts, strings.ReplaceAll(name, "\n", " ")+" ("+strconv.FormatUint(uint64(oid), 10)+")")
		}
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return joinsHead + strings.Join(parts, ", ")
}

// joinsOf returns the OIDs in a line.
func joinsOf(line string) (oids []uint32) {
	for part := range strings.SplitSeq(line, ")") {
		if i := strings.LastIndexByte(part, '('); i >= 0 {
			if oid, err := strconv.ParseUint(part[i+1:], 10, 32); err == nil {
				oids = append(oids, uint32(oid))
			}
		}
	}
	return oids
}

// readComment takes over the list of the publication's comment, and ends the warning when the operator has removed it.
func (j *Joins) readComment(ctx context.Context, conn *pgx.Conn) error {
	j.mu.Lock()
	keeps := j.keeps
	j.mu.Unlock()
	if keeps || !j.config.Manage {
		return nil
	}
	comment, exists, err := j.config.ReadComment(ctx, conn)
	if err != nil || !exists {
		return err
	}
	line, rest := splitJoins(comment.Rest)
	comment.Rest = rest
	j.mu.Lock()
	defer j.mu.Unlock()
	j.commentRest = comment.String()
	if line == j.commentLine {
		return nil
	}
	if line == "" {
		for oid, t := range j.list.tables {
			t.status = joinSettled
			j.list.tables[oid] = t
		}
		j.commentLine = ""
		return nil
	}
	for _, oid := range joinsOf(line) {
		if t, listed := j.list.tables[oid]; !listed || t.status == joinOpen {
			j.list.tables[oid] = join{status: joinMissing}
		}
	}
	j.commentLine = line
	return nil
}

// writeComment writes the list into the publication's comment when no sink keeps a record.
func (j *Joins) writeComment(ctx context.Context, conn *pgx.Conn) error {
	j.mu.Lock()
	keeps, written, list := j.keeps, j.commentLine, j.list.clone()
	j.mu.Unlock()
	if keeps || !j.config.Manage {
		return nil
	}
	oids := []uint32{}
	for oid := range list.tables {
		oids = append(oids, oid)
	}
	names, err := publishedNames(ctx, conn, j.config.Name, oids)
	if err != nil {
		return err
	}
	line := joinsLine(&list, names)
	if line == written {
		return nil
	}
	comment, exists, err := j.config.ReadComment(ctx, conn)
	if err != nil || !exists {
		return err
	}
	_, rest := splitJoins(comment.Rest)
	comment.Rest = strings.Trim(line+"\n"+rest, "\n")
	err = pgconnect.Exec(ctx, conn, j.config.CommentStatement(comment.String()))
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		j.commentLine = line
	} else if !j.unwritten {
		j.log.Warn("the publication's comment does not name the tables whose rows are not copied", zap.Error(err))
	}
	j.unwritten = err != nil
	return nil
}
