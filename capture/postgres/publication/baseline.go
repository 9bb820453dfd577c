package publication

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Baseline is which columns of a table are not new: those that it had when a file was applied that drops new columns, or halts at
// them. The comment of the publication has the baselines, so that they last as long as the publication, for all sinks, and also where
// no sink keeps a record. The columns of a table are numbered, and no number is used twice, so the highest one is enough.
type Baseline struct {
	Columns int16    // the highest number of a column
	Names   []uint32 // the hashes of the names of the columns that the server sends: they decide for a table that is gone
}

// baselineHead begins the line of the comment that has the baselines.
const baselineHead = "tailrace: columns: "

// formatBaselines formats baselines by OID, as in 16384/7/9f3b2c01,0c27ab19; "": there are none.
func formatBaselines(all map[uint32]Baseline) string {
	var parts []string
	for _, oid := range slices.Sorted(maps.Keys(all)) {
		var names []string
		for _, n := range all[oid].Names {
			names = append(names, strconv.FormatUint(uint64(n), 16))
		}
		parts = append(parts, fmt.Sprintf("%d/%d/%s", oid, all[oid].Columns, strings.Join(names, ",")))
	}
	return strings.Join(parts, " ")
}

// parseBaselines parses the output of formatBaselines; it leaves out what is not part of one.
func parseBaselines(text string) map[uint32]Baseline {
	all := map[uint32]Baseline{}
	for _, part := range strings.Fields(text) {
		words := strings.Split(part, "/")
		if len(words) != 3 {
			continue
		}
		oid, oidErr := strconv.ParseUint(words[0], 10, 32)
		columns, columnsErr := strconv.ParseInt(words[1], 10, 16)
		if oidErr != nil || columnsErr != nil {
			continue
		}
		b := Baseline{Columns: int16(columns)}
		for name := range strings.SplitSeq(words[2], ",") {
			if n, err := strconv.ParseUint(name, 16, 32); err == nil {
				b.Names = append(b.Names, uint32(n))
			}
		}
		all[uint32(oid)] = b
	}
	return all
}

// splitBaselines separates the line with the baselines from the rest of a comment.
func splitBaselines(comment string) (baselines, rest string) {
	lines := strings.Split(comment, "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool {
		text, ours := strings.CutPrefix(line, baselineHead)
		if ours {
			baselines = text
		}
		return ours
	})
	return baselines, strings.Join(lines, "\n")
}

// ReadBaselines reads the baselines of the publication, by the OIDs of the tables; there are none without a publication.
func (c *Config) ReadBaselines(ctx context.Context, conn *pgx.Conn) (map[uint32]Baseline, error) {
	d, err := c.define(ctx, conn)
	if err != nil || d == nil {
		return nil, err
	}
	return parseBaselines(d.Baselines), nil
}

// maxGone is how many baselines of tables that the file does not select any more are kept. The log may still have rows of a table
// that was dropped; those of older tables, which have lower OIDs, go first.
const maxGone = 1000

// baselines returns the baselines that the publication has to have: those that it has, and the present columns of other tables.
func (p *Plan) baselines(c *Config) string {
	if c.Tracks == nil {
		return ""
	}
	all := map[uint32]Baseline{}
	if p.actual != nil {
		all = parseBaselines(p.actual.Baselines)
	}
	gone := maps.Clone(all)
	for _, t := range p.targets {
		delete(gone, t.OID)
		if _, found := all[t.OID]; !c.Tracks(t.Schema, t.Name) {
			delete(all, t.OID)
		} else if !found {
			b := Baseline{Columns: t.Attributes}
			for _, name := range t.carried(p.Major) {
				b.Names = append(b.Names, hash(name))
			}
			all[t.OID] = b
		}
	}
	oids := slices.Sorted(maps.Keys(gone))
	for _, oid := range oids[:max(0, len(oids)-maxGone)] {
		delete(all, oid)
	}
	return formatBaselines(all)
}
