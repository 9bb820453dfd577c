package ddl

import "slices"

// Reduce removes the actions and statements that a fault does not need: fails reports whether a program still shows it.
// It stops early when more returns false.
func Reduce(p Program, fails func(Program) bool, more func() bool) Program {
	for size := max(1, len(p)/2); ; size = max(1, size/2) {
		before := len(p)
		for i := len(p) - size; i >= 0 && more(); i -= size {
			if shorter := slices.Delete(slices.Clone(p), i, i+size); fails(shorter) {
				p = shorter
			}
		}
		if !more() || size == 1 && len(p) == before {
			return reduceStatements(p, fails, more)
		}
	}
}

func reduceStatements(p Program, fails func(Program) bool, more func() bool) Program {
	for i := range p {
		for j := len(p[i].Statements) - 1; j >= 0 && len(p[i].Statements) > 1 && more(); j-- {
			shorter := slices.Clone(p)
			shorter[i].Statements = slices.Delete(slices.Clone(p[i].Statements), j, j+1)
			if fails(shorter) {
				p = shorter
			}
		}
	}
	return p
}
