package rig

import "testing"

func TestSteady(t *testing.T) {
	for _, c := range []struct {
		name  string
		costs []float64
		want  bool
	}{
		{"nothing", nil, false},
		{"too few to tell", []float64{800, 800}, false},
		{"falls", []float64{800, 650, 400}, false},
		{"falls after one that does not", []float64{800, 850, 600}, false},
		{"fell before", []float64{800, 300, 290, 310}, true},
		{"falls slowly", []float64{300, 280, 275}, true},
	} {
		if got := steady(c.costs); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}
