package sinktest

import "fmt"

// Check checks what a target with history has received. For each key the versions must first appear in order, from 1 to want,
// without gaps; a repetition must be a contiguous run that ends at the newest version so far. Check returns the first violation,
// or nil.
func Check(seen []Seen, want map[int]int) error {
	type state struct{ newest, last int }
	keys := map[int]*state{}
	for i, s := range seen {
		k := keys[s.Key]
		if k == nil {
			k = &state{}
			keys[s.Key] = k
		}
		switch {
		case s.Version > k.newest+1:
			return fmt.Errorf("record %d: key %d jumps from version %d to %d", i, s.Key, k.newest, s.Version)
		case k.last < k.newest && s.Version > k.last+1:
			return fmt.Errorf("record %d: key %d repeats %d and then %d, with %d known", i, s.Key, k.last, s.Version, k.newest)
		}
		k.last, k.newest = s.Version, max(k.newest, s.Version)
	}
	for key, v := range want {
		switch k := keys[key]; {
		case k == nil:
			return fmt.Errorf("key %d: nothing arrived, want version %d", key, v)
		case k.newest != v:
			return fmt.Errorf("key %d: newest is version %d, want %d", key, k.newest, v)
		case k.last != v:
			return fmt.Errorf("key %d: ends with version %d, though %d came before", key, k.last, v)
		}
	}
	for key := range keys {
		if _, ok := want[key]; !ok {
			return fmt.Errorf("key %d arrived and was never written", key)
		}
	}
	return nil
}
