package sinktest

import "testing"

func TestCheckIsAnOracle(t *testing.T) {
	of := func(versions ...int) (s []Seen) {
		for _, v := range versions {
			s = append(s, Seen{7, v})
		}
		return s
	}
	for name, c := range map[string]struct {
		seen []Seen
		want int
		ok   bool
	}{
		"once":                      {of(1, 2, 3), 3, true},
		"a tail repeated":           {of(1, 2, 3, 2, 3), 3, true},
		"all repeated, then more":   {of(1, 2, 1, 2, 3), 3, true},
		"a repetition repeated":     {of(1, 2, 3, 2, 2, 3), 3, true},
		"a hole":                    {of(1, 3), 3, false},
		"a hole in a repetition":    {of(1, 2, 3, 4, 2, 4), 4, false},
		"swapped":                   {of(2, 1), 2, false},
		"ends in a repetition":      {of(1, 2, 3, 2), 3, false},
		"too little":                {of(1, 2), 3, false},
		"too much":                  {of(1, 2, 3), 2, false},
		"nothing":                   {nil, 1, false},
		"an old one goes back on":   {of(1, 2, 3, 1, 2, 3, 4), 4, true},
		"new one inside repetition": {of(1, 2, 3, 1, 4), 4, false},
	} {
		if err := Check(c.seen, map[int]int{7: c.want}); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if Check([]Seen{{8, 1}}, nil) == nil {
		t.Error("a key that was never written passes")
	}
}
