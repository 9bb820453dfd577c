package verify

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	looks     = 20  // at a row that changes again and again
	pause     = 100 // milliseconds between them
	atOnce    = 500 // keys of one look
	wholeTrys = 10  // at a table without a key
)

// comparison is of one table.
type comparison struct {
	*Verifier
	table          Table
	source, target *side
	result         Result
	unrepaired     int // of its differences
}

// compare looks at one range.
func (c *comparison) compare(ctx context.Context, r span) error {
	source, err := c.source.digest(ctx, r)
	if err != nil {
		return err
	}
	target, err := c.target.digest(ctx, r)
	if err != nil {
		return err
	}
	c.result.Rows += source.rows
	if source == target {
		return nil
	}
	doubtful, whole, err := c.narrow(ctx, r)
	if err != nil {
		return err
	}
	for keys := range slices.Chunk(doubtful, atOnce) {
		if err := c.settle(ctx, keys); err != nil {
			return err
		}
		if c.unrepaired > c.limit() {
			return fmt.Errorf("%s: %w (%d)", c.table.Source, ErrTooMany, c.limit())
		}
	}
	if !whole && c.Repair {
		c.result.Rows -= source.rows
		return c.compare(ctx, r) // less is left of it
	}
	return nil
}

// narrow gives the keys of a range whose rows do not look the same. whole is false when the range has more rows than one look takes.
func (c *comparison) narrow(ctx context.Context, r span) (doubtful [][]string, whole bool, err error) {
	most := 2*c.size() + c.limit() // a range without an end, or one that others have written to, may hold more by now
	source, inSource, err := c.source.hashes(ctx, r, most)
	if err != nil {
		return nil, false, err
	}
	target, inTarget, err := c.target.hashes(ctx, r, most)
	if err != nil {
		return nil, false, err
	}
	for _, key := range inSource {
		if j := joined(key); source[j] != target[j] {
			doubtful = append(doubtful, key)
		}
	}
	for _, key := range inTarget {
		if _, there := source[joined(key)]; !there {
			doubtful = append(doubtful, key)
		}
	}
	return doubtful, len(inSource) < most && len(inTarget) < most, nil
}

// suspect is a key in doubt.
type suspect struct {
	key  []string
	last image // of the replica, at a look that found nothing in the source
}

// settle looks at doubtful keys until each is cleared, found different, or has been busy for too long.
func (c *comparison) settle(ctx context.Context, keys [][]string) error {
	suspects := make([]*suspect, len(keys))
	for i := range keys {
		suspects[i] = &suspect{key: keys[i]}
	}
	for n := 0; n < looks && len(suspects) > 0; n++ {
		if n > 0 {
			if err := sleep(ctx, pause*time.Millisecond); err != nil {
				return err
			}
		}
		left, wrong, err := c.look(ctx, suspects)
		if err != nil {
			return err
		}
		for _, w := range wrong {
			if err := c.found(ctx, w); err != nil {
				return err
			}
		}
		suspects = left
	}
	c.result.Busy += len(suspects)
	return nil
}

// look takes steps 1 to 4 of the package's comment once.
func (c *comparison) look(ctx context.Context, suspects []*suspect) (left []*suspect, wrong []finding, err error) {
	keys := make([][]string, len(suspects))
	for i, s := range suspects {
		keys[i] = s.key
	}
	before, err := c.source.images(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	if err := c.follow(ctx); err != nil {
		return nil, nil, err
	}
	there, err := c.target.images(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	after, err := c.source.images(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range suspects {
		j := joined(s.key)
		was, has, is := before[j], there[j], after[j]
		switch {
		case was != is:
			s.last = image{}
			left = append(left, s)
		case has.hash == is.hash && (has == image{}) == (is == image{}):
			// the same by now
		case c.Keeps && is == image{}:
			// deleted in the source, and kept
		case is == image{} && s.last != has:
			s.last = has
			left = append(left, s)
		default:
			wrong = append(wrong, finding{key: s.key, source: is, target: has})
		}
	}
	return left, wrong, nil
}

// whole compares a table without a key: it can only say that its rows differ.
func (c *comparison) whole(ctx context.Context) (Result, error) {
	for range wholeTrys {
		before, err := c.source.digest(ctx, span{})
		if err != nil {
			return c.result, err
		}
		if err := c.follow(ctx); err != nil {
			return c.result, err
		}
		target, err := c.target.digest(ctx, span{})
		if err != nil {
			return c.result, err
		}
		if before == target {
			c.result.Rows = target.rows
			return c.result, nil
		}
		after, err := c.source.digest(ctx, span{})
		if err != nil {
			return c.result, err
		}
		if before == after {
			c.result.Rows = after.rows
			c.result.Differences = append(c.result.Differences, Difference{
				Table: c.table.Source, Kind: "rows",
				Detail: fmt.Sprintf("%d rows in the source, %d in the replica, or not the same ones; without a key it cannot be said which",
					after.rows, target.rows),
			})
			return c.result, nil
		}
		if err := sleep(ctx, pause*time.Millisecond); err != nil {
			return c.result, err
		}
	}
	c.result.Busy++
	return c.result, nil
}
