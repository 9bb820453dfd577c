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

const lineHead = "tailrace: " + RowsNotCopied + ": "

// splitLine separates the line of the list from the rest of a comment.
func splitLine(comment string) (line, rest string) {
	line, rest, _ = strings.Cut(comment, "\n")
	if strings.HasPrefix(line, lineHead) {
		return line, rest
	}
	return "", comment
}

// formatLine formats a list: the names, with their OIDs.
func formatLine(list *tableList, names map[uint32]string) string {
	var parts []string
	for oid, t := range list.tables {
		if name := names[oid]; t.status != statusSettled && name != "" {
			parts = append(parts, strings.ReplaceAll(name, "\n", " ")+" ("+strconv.FormatUint(uint64(oid), 10)+")")
		}
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return lineHead + strings.Join(parts, ", ")
}

// parseLine returns the OIDs in a line.
func parseLine(line string) (oids []uint32) {
	for item := range strings.SplitSeq(line, ")") {
		if i := strings.LastIndexByte(item, '('); i >= 0 {
			if oid, err := strconv.ParseUint(item[i+1:], 10, 32); err == nil {
				oids = append(oids, uint32(oid))
			}
		}
	}
	return oids
}

// readComment takes over the list of the publication's comment, and ends the warning when the operator has removed it.
func (w *Watch) readComment(ctx context.Context, conn *pgx.Conn) error {
	w.mu.Lock()
	keeps := w.keeps
	w.mu.Unlock()
	if keeps || !w.config.Manage {
		return nil
	}
	comment, exists, err := w.config.ReadComment(ctx, conn)
	if err != nil || !exists {
		return err
	}
	line, rest := splitLine(comment.Rest)
	comment.Rest = rest
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commentRest = comment.String()
	if line == w.commentLine {
		return nil
	}
	if line == "" {
		for oid, t := range w.list.tables {
			t.status = statusSettled
			w.list.tables[oid] = t
		}
		w.commentLine = ""
		return nil
	}
	for _, oid := range parseLine(line) {
		if t, listed := w.list.tables[oid]; !listed || t.status == statusOpen {
			w.list.tables[oid] = entry{status: statusMissing}
		}
	}
	w.commentLine = line
	return nil
}

// writeComment writes the list into the publication's comment when no sink keeps a record.
func (w *Watch) writeComment(ctx context.Context, conn *pgx.Conn) error {
	w.mu.Lock()
	keeps, written, list := w.keeps, w.commentLine, w.list.clone()
	w.mu.Unlock()
	if keeps || !w.config.Manage {
		return nil
	}
	oids := []uint32{}
	for oid := range list.tables {
		oids = append(oids, oid)
	}
	names, err := publishedNames(ctx, conn, w.config.Name, oids)
	if err != nil {
		return err
	}
	line := formatLine(&list, names)
	if line == written {
		return nil
	}
	comment, exists, err := w.config.ReadComment(ctx, conn)
	if err != nil || !exists {
		return err
	}
	_, rest := splitLine(comment.Rest)
	comment.Rest = strings.Trim(line+"\n"+rest, "\n")
	err = pgconnect.Exec(ctx, conn, w.config.CommentStatement(comment.String()))
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.commentLine = line
	} else if !w.unwritten {
		w.log.Warn("the publication's comment does not name the tables whose rows are not copied", zap.Error(err))
	}
	w.unwritten = err != nil
	return nil
}
