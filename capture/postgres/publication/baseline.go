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
	Columns int16  // the highest number of a column
	Names   uint32 // the hash of the names of the columns that the server sends: they identify the columns of a table that is dropped
}

// baselineHead begins the line of the comment that has the baselines.
const baselineHead = "tailrace: columns: "

// formatBaselines formats baselines by OID, as in 16384/7/9f3b2c01; "": there are none.
func formatBaselines(all map[uint32]Baseline) string {
	var parts []string
	for _, oid := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, fmt.Sprintf("%d/%d/%08x", oid, all[oid].Columns, all[oid].Names))
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
		names, namesErr := strconv.ParseUint(words[2], 16, 32)
		if oidErr == nil && columnsErr == nil && namesErr == nil {
			all[uint32(oid)] = Baseline{Columns: int16(columns), Names: uint32(names)}
		}
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

// baselines returns the baselines that the publication has to have: those that it has, and the present columns of other tables.
func (p *Plan) baselines(c *Config) string {
	if c.Tracks == nil {
		return ""
	}
	recorded := map[uint32]Baseline{}
	if p.actual != nil {
		recorded = parseBaselines(p.actual.Baselines)
	}
	all := map[uint32]Baseline{}
	for _, t := range p.targets {
		if !c.Tracks(t.Schema, t.Name) {
			continue
		}
		b, found := recorded[t.OID]
		if !found {
			b = Baseline{Columns: t.Attributes, Names: hash(t.carried(p.Major)...)}
		}
		all[t.OID] = b
	}
	return formatBaselines(all)
}
