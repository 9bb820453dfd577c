// Package budget bounds the evaluation of the expressions of a file by HCL's evaluator. That evaluator has no limits of its own: two
// lines of locals that double a text, a few loops in each other, or format("%999999999d", 1) would take all memory or years.
//
// Budget.Value evaluates an expression with a limit on memory and work. It evaluates a copy of the syntax tree in which each part takes what
// it has made from the budget; functions that can make much of little are checked before they are called.
package budget

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Limits on the evaluation of one expression, and of all that one Budget covers. A pipeline file has at most 1 MiB.
const (
	maxMemory  = 64 << 20 // bytes of all values that an expression makes, with elementSize for each element
	maxWork    = 1 << 26  // steps, of some 10 ns each
	allMemory  = 4 * maxMemory
	allWork    = 4 * maxWork
	maxNested  = 500     // levels of a value
	maxBits    = 100_000 // of a number
	maxPadding = 1000    // width or precision of a format, and indentation

	elementSize = 64 // bytes
	bytesOfStep = 16 // bytes of a text that count as one step
)

const detail = "All values that an expression makes have at most 64 MiB, those of all files 256 MiB, and making them takes seconds at most."

// Budget is what is left for the expressions of the files that are loaded together. The zero value is a whole budget. One goroutine at a
// time may use it.
type Budget struct{ memory, work int } // that were used

// Value evaluates an expression as x.Value does, within the budget. What does not fit into it is a problem at the part that would make it.
func (all *Budget) Value(x hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	b := &budget{memory: min(maxMemory, allMemory-all.memory), work: min(maxWork, allWork-all.work)}
	memory, work := b.memory, b.work
	v, diags := b.guard(x).Value(b.context(x, ctx))
	all.memory += memory - max(0, b.memory)
	all.work += work - b.work
	if b.stopped && !diags.HasErrors() { // try() has hidden why
		return cty.DynamicVal, append(diags, tooLarge(x.Range()))
	}
	return v, diags
}

// budget is what is left for an expression.
type budget struct {
	memory  int
	work    int
	stopped bool // nothing more is evaluated
}

// spend takes from the work that is left, and reports whether there was enough.
func (b *budget) spend(steps int) bool {
	if steps < 0 || steps > b.work {
		b.work = 0
		return false
	}
	b.work -= steps
	return true
}

// charge takes the size of a value from the budget, and reports whether it was in it. Only what is made takes memory: a part that reads
// a local gives a value that exists.
func (b *budget) charge(v cty.Value, made bool) bool {
	m := meter{limit: b.memory, steps: b.work}
	ok := m.add(v, 0)
	b.work = max(0, m.steps)
	if made {
		b.memory -= m.bytes
	}
	return ok
}

// exhaust returns the problem of a part for which nothing was left. Nothing more is evaluated, and nothing more is reported.
func (b *budget) exhaust(at hcl.Range) (cty.Value, hcl.Diagnostics) {
	b.stopped = true
	return cty.DynamicVal, hcl.Diagnostics{tooLarge(at)}
}

func tooLarge(at hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "the value is too large", Detail: detail, Subject: &at}
}

// meter measures a value, up to a limit.
type meter struct {
	bytes, limit int
	steps        int // that are left
}

// add adds the size of a value, and reports whether it is within the limits.
func (m *meter) add(v cty.Value, depth int) bool {
	v, _ = v.Unmark()
	m.bytes += elementSize
	m.steps--
	if depth > maxNested || m.bytes > m.limit || m.steps < 0 {
		return false
	}
	t := v.Type()
	switch {
	case !v.IsKnown() || v.IsNull():
	case t == cty.String:
		n := len(v.AsString())
		m.bytes += n
		m.steps -= n / bytesOfStep
	case t == cty.Number:
		bits := v.AsBigFloat().MantExp(nil)
		return bits < maxBits && bits > -maxBits
	case v.CanIterateElements():
		if t.IsTupleType() || t.IsObjectType() { // to find a common type of the elements, cty compares each with each
			n := v.LengthInt()
			m.steps -= times(n, n) / 4
		}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if k.Type() == cty.String {
				m.bytes += len(k.AsString())
			}
			if !m.add(e, depth+1) {
				return false
			}
		}
	}
	return m.bytes <= m.limit && m.steps >= 0
}
