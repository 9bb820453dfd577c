package verify

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	maxChecks          = 20  // checks of a row that keeps changing
	pause              = 100 // milliseconds between them
	keysPerCheck       = 500 // keys in one check
	attemptsWithoutKey = 10  // comparisons of a table without a key
)

// comparison compares one table.
type comparison struct {
	*Verifier
	table          Table
	source, target *side
	result         Result
	unrepaired     int  // differences so far
	shaped         bool // the replica's columns are those of the source by now, as far as Make can tell
}

// compare compares one range.
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
	suspectKeys, complete, err := c.narrow(ctx, r)
	if err != nil {
		return err
	}
	for keys := range slices.Chunk(suspectKeys, keysPerCheck) {
		if err := c.recheck(ctx, keys); err != nil {
			return err
		}
		if c.unrepaired > c.limit() {
			return fmt.Errorf("%s: %w (%d)", c.table.Source, ErrTooMany, c.limit())
		}
	}
	if !complete && c.Repair {
		c.result.Rows -= source.rows
		return c.compare(ctx, r) // the rest of the range
	}
	return nil
}

// narrow returns the keys of a range whose rows seem to differ. complete is false when the range has too many rows for one check.
func (c *comparison) narrow(ctx context.Context, r span) (suspectKeys [][]string, complete bool, err error) {
	most := 2*c.size() + c.limit() // a range without an end, or one that was written to, may have more rows now
	source, inSource, err := c.source.hashes(ctx, r, most)
	if err != nil {
		return nil, false, err
	}
	target, inTarget, err := c.target.hashes(ctx, r, most)
	if err != nil {
		return nil, false, err
	}
	for _, key := range inSource {
		if j := keyText(key); source[j] != target[j] {
			suspectKeys = append(suspectKeys, key)
		}
	}
	for _, key := range inTarget {
		if _, there := source[keyText(key)]; !there {
			suspectKeys = append(suspectKeys, key)
		}
	}
	return suspectKeys, len(inSource) < most && len(inTarget) < most, nil
}

// suspect is a key whose row may differ.
type suspect struct {
	key  []string
	last image // of the replica, at a check that found no row in the source
}

// recheck checks suspects until each is equal, definitely different, or has changed too often.
func (c *comparison) recheck(ctx context.Context, keys [][]string) error {
	suspects := make([]*suspect, len(keys))
	for i := range keys {
		suspects[i] = &suspect{key: keys[i]}
	}
	for n := 0; n < maxChecks && len(suspects) > 0; n++ {
		if n > 0 {
			if err := sleep(ctx, pause*time.Millisecond); err != nil {
				return err
			}
		}
		left, wrong, err := c.checkOnce(ctx, suspects)
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

// checkOnce does steps 1 to 4 of the package comment.
func (c *comparison) checkOnce(ctx context.Context, suspects []*suspect) (left []*suspect, wrong []finding, err error) {
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
		j := keyText(s.key)
		was, has, is := before[j], there[j], after[j]
		switch {
		case was != is:
			s.last = image{}
			left = append(left, s)
		case has.hash == is.hash && (has == image{}) == (is == image{}):
			// equal now
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

// compareWithoutKey compares a table without a key. It can report that the rows differ, and repair them, but not say which do.
func (c *comparison) compareWithoutKey(ctx context.Context) (Result, error) {
	for range attemptsWithoutKey {
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
		if c.Repair {
			return c.repairWithoutKey(ctx)
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
	c.result.NotCompared = true
	return c.result, nil
}

// repairWithoutKey continues compareWithoutKey when the rows seem to differ and a repair is requested.
func (c *comparison) repairWithoutKey(ctx context.Context) (Result, error) {
	if err := c.shape(ctx); err != nil {
		return c.result, err
	}
	r, done, err := c.repairKeyless(ctx)
	switch {
	case err != nil:
		return c.result, err
	case !done:
		c.result.NotCompared = true
		return c.result, nil
	}
	c.result.Rows = r.rows
	if r.missing+r.extra > 0 {
		c.result.Differences = append(c.result.Differences, Difference{
			Table: c.table.Source, Kind: "rows", Repaired: true,
			Detail: fmt.Sprintf("%s missing in the replica and %d too many", were(r.missing), r.extra),
		})
	}
	return c.result, nil
}

func were(rows int64) string {
	if rows == 1 {
		return "1 row was"
	}
	return fmt.Sprintf("%d rows were", rows)
}
