package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// acceptJoins returns the state that each record gets when the operator accepts rows_not_copied, and a description of what
// is accepted.
func (c *Config) acceptJoins(ctx context.Context, conn *pgx.Conn, records []capture.Record) (states [][]byte, lost []string, err error) {
	now, err := c.presentEdition(ctx, conn)
	if err != nil || now == nil {
		return nil, nil, err
	}
	list := joinList{tables: map[uint32]join{}}
	for i := range records {
		if err := c.learnJoins(ctx, conn, &list, &records[i], now); err != nil {
			return nil, nil, err
		}
	}
	found, err := c.judgeJoins(ctx, conn, list, newTrees(c, nil))
	if err != nil {
		return nil, nil, err
	}
	for _, f := range found {
		if !f.gone && (f.status == joinMissing || !f.decided) {
			lost = append(lost, "rows of "+f.name+" that were written before it joined the publication")
		}
	}
	list.accepted++
	for oid, t := range list.tables {
		t.status = joinSettled
		list.tables[oid] = t
	}
	for i := range records {
		states = append(states, withJoins(restated(&records[i]), list.String()))
	}
	return states, lost, nil
}

// restated returns the state of a record, or one without a list.
func restated(r *capture.Record) []byte {
	switch {
	case len(r.State) > 0:
		return r.State
	case pending(r):
		return statePending
	}
	return stateDone
}

// learnJoins adds the list of a record, and the tables that joined since.
func (c *Config) learnJoins(ctx context.Context, conn *pgx.Conn, list *joinList, r *capture.Record, now *edition) error {
	list.merge(parseJoins(recordedJoins(r.State)))
	was, known := parseEdition(r.Origin.Publication)
	if !known {
		return nil
	}
	bound, err := c.nextXID(ctx, conn)
	if err != nil {
		return err
	}
	for _, oid := range now.joined(&was) {
		if _, listed := list.tables[oid]; !listed {
			list.tables[oid] = join{bound: bound}
		}
	}
	return nil
}

// recordJoins sets the state that a record has to have before it names the present edition.
func (c *Config) recordJoins(ctx context.Context, conn *pgx.Conn, r *capture.Record, now *edition, k *capture.Comparison) error {
	list := joinList{tables: map[uint32]join{}}
	if err := c.learnJoins(ctx, conn, &list, r, now); err != nil {
		return err
	}
	if text := list.String(); text != recordedJoins(r.State) {
		if k.State == nil {
			k.State = restated(r)
		}
		k.State = withJoins(k.State, text)
	}
	return nil
}

// presentEdition reads the edition of the publication as a stream would; nil: there is no publication.
func (c *Config) presentEdition(ctx context.Context, conn *pgx.Conn) (*edition, error) {
	d, err := c.define(ctx, conn)
	if err != nil || d == nil {
		return nil, err
	}
	e := d.edition()
	if !c.Manage {
		tables, err := c.tables(ctx, conn)
		if err != nil {
			return nil, err
		}
		e.carried = carriedBy(tables)
	}
	return &e, nil
}

// If no sink of a lane keeps a record, the comment of a managed publication has the list, in a line of its own.

const joinsHead = "tailrace: " + rowsNotCopiedState + ": "

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

// readNote takes over the list of the publication's comment, and ends the warning when the operator has removed it.
func (j *joins) readNote(ctx context.Context, conn *pgx.Conn) error {
	j.mu.Lock()
	keeps := j.keeps
	j.mu.Unlock()
	if keeps || !j.config.Manage {
		return nil
	}
	d, err := j.config.define(ctx, conn)
	if err != nil || d == nil {
		return err
	}
	line, rest := splitJoins(d.Comment)
	if d.Note != "" {
		rest = noteLine(d.Note) + "\n" + rest
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.comment = strings.TrimSuffix(rest, "\n")
	if line == j.noted {
		return nil
	}
	if line == "" {
		for oid, t := range j.list.tables {
			t.status = joinSettled
			j.list.tables[oid] = t
		}
		j.noted = ""
		return nil
	}
	for _, oid := range joinsOf(line) {
		if t, listed := j.list.tables[oid]; !listed || t.status == joinOpen {
			j.list.tables[oid] = join{status: joinMissing}
		}
	}
	j.noted = line
	return nil
}

// writeNote writes the list into the publication's comment when no sink keeps a record.
func (j *joins) writeNote(ctx context.Context, conn *pgx.Conn) error {
	j.mu.Lock()
	keeps, noted, list := j.keeps, j.noted, j.list.clone()
	j.mu.Unlock()
	if keeps || !j.config.Manage {
		return nil
	}
	oids := []uint32{}
	for oid := range list.tables {
		oids = append(oids, oid)
	}
	names, err := j.config.publishedNames(ctx, conn, oids)
	if err != nil {
		return err
	}
	line := joinsLine(&list, names)
	if line == noted {
		return nil
	}
	d, err := j.config.define(ctx, conn)
	if err != nil || d == nil {
		return err
	}
	_, rest := splitJoins(d.Comment)
	text := strings.Trim(line+"\n"+rest, "\n")
	if d.Note != "" {
		text = strings.TrimSuffix(noteLine(d.Note)+"\n"+text, "\n")
	}
	err = exec(ctx, conn, j.config.comment(text))
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		j.noted = line
	} else if !j.untold {
		j.log.Warn("the publication's comment does not name the tables whose rows are not copied", zap.Error(err))
	}
	j.untold = err != nil
	return nil
}
