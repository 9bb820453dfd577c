package capturetest

import "fmt"

// Once is how often a target may see a row.
type Once bool

// The two promises.
const (
	AtLeastOnce Once = false // a repeat is a contiguous run that ends at the newest row
	ExactlyOnce Once = true
)

// Judge compares what a target has seen with what the source has committed, both in order; all rows of a source differ. It
// returns the first violation, or nil:
//
//   - a row that was never committed,
//   - a gap: a row that comes before an older one was ever seen,
//   - a repeat that does not continue up to the newest row, or any repeat when once is ExactlyOnce,
//   - an end before the newest row.
func Judge(committed, seen []Row, once Once) error {
	place := make(map[Row]int, len(committed))
	for i, r := range committed {
		if _, again := place[r]; again {
			return fmt.Errorf("the source committed %v twice: the test cannot tell them apart", r)
		}
		place[r] = i
	}
	last, newest := -1, -1
	for n, r := range seen {
		i, known := place[r]
		switch {
		case !known:
			return fmt.Errorf("row %d: %v was never committed", n, r)
		case i > newest+1:
			return fmt.Errorf("row %d: gap: %v is number %d, the newest before was %d", n, r, i, newest)
		case i <= newest && once == ExactlyOnce:
			return fmt.Errorf("row %d: %v comes a second time", n, r)
		case i > last+1:
			return fmt.Errorf("row %d: order: after number %d comes %d, %v, inside a repeat", n, last, i, r)
		}
		last, newest = i, max(newest, i)
	}
	if last != len(committed)-1 {
		return fmt.Errorf("%d rows were committed, the last one seen is number %d, the newest %d", len(committed), last, newest)
	}
	return nil
}
