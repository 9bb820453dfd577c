package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/config/spelling"
)

// checkNames reports every attribute and block of a body that its schema does not have. The names that were probably meant count as
// given, with unknown values.
func (l *loader) checkNames(b *body, s schema) {
	attrs := append(names(s.attrs), "enabled")
	if b.scope == "source" || b.scope == "sink" {
		attrs = append(attrs, "connection")
	}
	blocks := names(s.blocks)
	for _, a := range b.attrs {
		switch {
		case slices.Contains(attrs, a.Name):
		case slices.Contains(blocks, a.Name):
			l.report.append(problem(a.NameRange, fmt.Sprintf("%q is a block", a.Name),
				fmt.Sprintf("Write it without the equals sign: %s { ... }.", a.Name)))
			b.suspectNames = append(b.suspectNames, a.Name)
		default:
			l.reportUnknown("attribute", b.scope, a.Name, a.NameRange, attrs, blocks)
			b.suspectNames = append(b.suspectNames, a.Name, spelling.Nearest(a.Name, attrs))
		}
	}
	for _, inner := range b.blocks {
		switch {
		case slices.Contains(blocks, inner.Type):
		case slices.Contains(attrs, inner.Type):
			l.report.append(problem(inner.TypeRange, fmt.Sprintf("%q is an attribute", inner.Type),
				fmt.Sprintf("Write it with an equals sign: %s = ...", inner.Type)))
			b.suspectNames = append(b.suspectNames, inner.Type)
		default:
			l.reportUnknown("block", b.scope, inner.Type, inner.TypeRange, attrs, blocks)
			b.suspectNames = append(b.suspectNames, inner.Type, spelling.Nearest(inner.Type, blocks))
		}
	}
}

// reportUnknown reports an unknown name: as one of a later version, or with the nearest known name.
func (l *loader) reportUnknown(what, scope, name string, at hcl.Range, attrs, blocks []string) {
	if k, ok := l.kinds.Steps[name]; ok {
		l.report.append(problem(at, fmt.Sprintf("there is no %s %q in %s", what, name, article(scope)), k.places()))
		return
	}
	if detail, ok := unsupported(scope, name); ok {
		l.report.append(problem(at, fmt.Sprintf("%s is not supported by this version", name), detail))
		return
	}
	same, others := attrs, blocks
	if what == "block" {
		same, others = blocks, attrs
	}
	detail := Suggest(name, same)
	if detail == "" {
		detail = Suggest(name, others)
	}
	if detail == "" && len(same) > 0 {
		detail = fmt.Sprintf("Valid names: %s.", list(same))
	}
	l.report.append(problem(at, fmt.Sprintf("there is no %s %q in %s", what, name, article(scope)), detail))
}

// labels checks that a block has the wanted labels, which are given by their meanings.
func (l *loader) labels(b *hclsyntax.Block, wanted ...string) bool {
	if len(b.Labels) < len(wanted) {
		form := b.Type
		for _, w := range wanted {
			form += fmt.Sprintf(" %q", w)
		}
		l.report.append(problem(headerOf(b), fmt.Sprintf("the %s block needs a %s", b.Type, wanted[len(b.Labels)]),
			"Write "+form+" { }."))
		return false
	}
	if len(b.Labels) > len(wanted) {
		l.report.append(problem(b.LabelRanges[len(wanted)], fmt.Sprintf("a %s block has no label here", b.Type), ""))
		return false
	}
	return true
}

// maxName is how long the name of a pipeline or a sink may be: a slot's name, with its prefix, has 63 bytes.
const maxName = 40

var nameForm = regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9_-]*\z`)

// checkName checks the name of a pipeline, sink or connection: it becomes part of slot names, of transactional ids and
// of metric labels.
func (l *loader) checkName(name string, at hcl.Range) bool {
	if nameForm.MatchString(name) && len(name) <= maxName {
		return true
	}
	l.report.append(problem(at, fmt.Sprintf("%q is not a name", name), fmt.Sprintf(
		"A name has letters, digits, _ and -, begins with a letter, and is at most %d characters long.", maxName)))
	return false
}

// unknownKind reports the first label of a block.
func (l *loader) unknownKind(scope, kind string, b *hclsyntax.Block, known []string) {
	at := b.LabelRanges[0]
	of := scope
	if scope == "connection" {
		of = "sink"
	}
	if detail, ok := unsupported("kind of "+of, kind); ok {
		l.report.append(problem(at, fmt.Sprintf("%s %q is not supported by this version", scope, kind), detail))
		return
	}
	detail := Suggest(kind, known)
	if detail == "" {
		detail = fmt.Sprintf("Valid names: %s.", list(known))
	}
	l.report.append(problem(at, fmt.Sprintf("unknown %s type %q", scope, kind), detail))
}

// places is the sentence that tells where a step belongs.
func (k StepKind) places() string {
	var places []string
	if k.Pipeline {
		places = append(places, "a pipeline block")
	}
	if len(k.Sinks) > 0 {
		places = append(places, "a sink block of type "+list(slices.Clone(k.Sinks)))
	}
	return "It belongs in " + strings.Join(places, " or ") + "."
}

// article puts "a" or "an" before a name.
func article(name string) string {
	if strings.ContainsRune("aeio", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}

// headerOf returns the range of a block's type and labels.
func headerOf(b *hclsyntax.Block) hcl.Range {
	r := b.TypeRange
	if n := len(b.LabelRanges); n > 0 && b.LabelRanges[n-1].End.Line == r.End.Line {
		r = hcl.RangeBetween(r, b.LabelRanges[n-1])
	}
	return r
}
