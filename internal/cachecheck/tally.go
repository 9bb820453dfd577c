package cachecheck

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Tolerance is from when on an old value counts.
const Tolerance = 50 * time.Millisecond

// Tally counts what reads have seen.
type Tally struct {
	Reads, Hits int64
	Old         int64         // hits older than Tolerance since a newer commit returned
	VeryOld     int64         // the same for a second
	Oldest      time.Duration // the greatest age
	Late        int64         // hits older than Tolerance since the invalidation had run, too
	Latest      time.Duration // the greatest such age
	Failed      int64         // reads that ended with an error, while Redis was away
	Wrong       int           // keys whose value differs from the database's after the drain
}

// hit counts a hit.
func (t *Tally) hit(age, late time.Duration) {
	t.Hits++
	t.Oldest, t.Latest = max(t.Oldest, age), max(t.Latest, late)
	if age > Tolerance {
		t.Old++
	}
	if age > time.Second {
		t.VeryOld++
	}
	if late > Tolerance {
		t.Late++
	}
}

// Lost reports whether a protocol has failed: readers saw values from before an invalidation that had run, or still do.
func (t *Tally) Lost() bool { return t.Late > 0 || t.Wrong > 0 }

// Row is a protocol and its result.
type Row struct {
	Name string
	Tally
}

// Table prints results as a table of text.
func Table(rows []Row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "protocol\treads\thits\told > 50 ms\told > 1 s\toldest\tlate > 50 ms\tlatest\twrong keys\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%d\t%s\t%d\t\n", r.Name, r.Reads, r.Hits, r.Old, r.VeryOld,
			r.Oldest.Round(100*time.Microsecond), r.Late, r.Latest.Round(100*time.Microsecond), r.Wrong)
	}
	_ = w.Flush()
	return b.String()
}
