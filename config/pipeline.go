package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// DefaultWindow is how many bytes of a pipeline are in flight when its block does not say.
const DefaultWindow = 4 << 20

type pipelineSettings struct {
	// Changes in flight.
	Window Size `hcl:"window,optional"`
}

func newPipelineSettings() *pipelineSettings { return &pipelineSettings{Window: DefaultWindow} }

// CheckSettings refuses an empty window.
func (p *pipelineSettings) CheckSettings(at Positions) hcl.Diagnostics {
	if p.Window <= 0 {
		return hcl.Diagnostics{problem(at.At("window"), "the window is empty", `Write a size such as "4MiB", the default.`)}
	}
	return nil
}

func (l *loader) loadPipelines() []Pipeline {
	var all []Pipeline
	taken := map[string]*hclsyntax.Block{}
	for _, b := range l.pipelines {
		if !l.labels(b, "name") {
			continue
		}
		if l.checkName(b.Labels[0], b.LabelRanges[0]) {
			l.checkUnique(b, taken)
		}
		if on, _ := l.enabled(b.Body.Attributes); on {
			all = append(all, l.pipeline(b))
		}
	}
	l.compareSinks(all)
	return all
}

// compareSinks checks each sink against those before it.
func (l *loader) compareSinks(all []Pipeline) {
	for i, p := range all {
		for j, later := range p.Sinks {
			c, can := later.Settings.(SinkComparer)
			if !can {
				continue
			}
			for _, earlier := range all[:i] {
				for _, s := range earlier.Sinks {
					l.addAll(c.CompareSink(s.Settings, false), later.Range)
				}
			}
			for _, s := range p.Sinks[:j] {
				l.addAll(c.CompareSink(s.Settings, true), later.Range)
			}
		}
	}
}

// checkUnique reports a second pipeline of a name, and one whose slot would have the same name.
func (l *loader) checkUnique(b *hclsyntax.Block, taken map[string]*hclsyntax.Block) {
	slot := slotName(b.Labels[0])
	first := taken[slot]
	if first == nil {
		taken[slot] = b
		return
	}
	summary := fmt.Sprintf("there are two pipelines %q", b.Labels[0])
	if first.Labels[0] != b.Labels[0] {
		summary = fmt.Sprintf("the pipelines %q and %q have the same slot name", first.Labels[0], b.Labels[0])
	}
	l.report.append(problem(b.LabelRanges[0], summary, "The first is at "+where(first.TypeRange)+"."))
}

// slotName returns the form of a name in a slot's name, which has no capitals and no dashes.
func slotName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "_")) }

func (l *loader) pipeline(b *hclsyntax.Block) Pipeline {
	s := newPipelineSettings()
	body := bodyOf("pipeline", b)
	sch := schemaOf(reflect.TypeFor[pipelineSettings]())
	sch.blocks = map[string]field{"source": {}, "sink": {}}
	steps := l.stepsOf(func(k StepKind) bool { return k.Pipeline })
	l.checkNames(&body, steps.addTo(sch, "pipeline"))
	body.labels = nil
	l.decode(body, reflect.ValueOf(s).Elem())

	p := Pipeline{Name: b.Labels[0], Window: int64(s.Window), Range: body.header}
	l.readSource(b, &p, slices.Contains(body.suspectNames, "source"))
	l.readSinks(b, &p, slices.Contains(body.suspectNames, "sink"))
	p.Steps = l.readSteps(b, steps)
	for _, sink := range p.Sinks {
		if u, can := sink.Settings.(StepUser); can {
			l.addAll(u.UseSteps(slices.Concat(p.Steps, sink.Steps)), sink.Range)
		}
	}
	if u, can := p.Source.Settings.(PipelineUser); can {
		l.addAll(u.UsePipeline(p), p.Source.Range)
	}
	return p
}

// addAll reports what settings have found, without secrets. A diagnostic without a place gets that of the block.
func (l *loader) addAll(diags hcl.Diagnostics, block hcl.Range) {
	for _, d := range diags {
		if d.Subject == nil {
			d.Subject = &block
		}
		d.Summary, d.Detail = l.report.secrets.Scrub(d.Summary), l.report.secrets.Scrub(d.Detail)
		l.report.append(d)
	}
}

// readSource reads the one source of a pipeline. suspect: another block, which is reported, was probably meant.
func (l *loader) readSource(b *hclsyntax.Block, p *Pipeline, suspect bool) {
	var first *hclsyntax.Block
	n := 0
	for _, inner := range b.Body.Blocks {
		if inner.Type != "source" {
			continue
		}
		on, known := l.enabled(inner.Body.Attributes)
		if !on {
			continue
		}
		n++
		if first != nil && known {
			l.report.append(problem(headerOf(inner), fmt.Sprintf("the pipeline %q has two sources", p.Name),
				"The first is at "+where(first.TypeRange)+". A pipeline has one; write another pipeline."))
			continue
		}
		if known {
			first = inner
		}
		if l.labels(inner, "kind") {
			p.Source = l.block("source", inner, l.kinds.Sources)
		}
	}
	if n == 0 && !suspect {
		l.report.append(problem(headerOf(b), fmt.Sprintf("the pipeline %q has no source", p.Name),
			`A pipeline has exactly one: source "postgres" { ... }.`))
	}
}

// readSinks reads the sinks of a pipeline.
func (l *loader) readSinks(b *hclsyntax.Block, p *Pipeline, suspect bool) {
	n := 0
	taken := map[string]*hclsyntax.Block{}
	for _, inner := range b.Body.Blocks {
		if inner.Type != "sink" {
			continue
		}
		on, _ := l.enabled(inner.Body.Attributes)
		if !on {
			continue
		}
		n++
		if !l.labels(inner, "kind", "name") {
			continue
		}
		name := inner.Labels[1]
		l.checkName(name, inner.LabelRanges[1])
		if name == "source" {
			l.report.append(problem(inner.LabelRanges[1], `a sink cannot be called "source"`,
				`Metrics have that name for the source, as in tailrace_window_wait_seconds_total{sink="source"}. Choose another one.`))
		}
		if first := taken[slotName(name)]; first != nil {
			l.report.append(problem(inner.LabelRanges[1], fmt.Sprintf("the pipeline %q has two sinks %q", p.Name, name),
				"The first is at "+where(first.TypeRange)+"."))
		}
		taken[slotName(name)] = inner
		p.Sinks = append(p.Sinks, l.block("sink", inner, l.kinds.Sinks))
	}
	if n == 0 && !suspect {
		l.report.append(problem(headerOf(b), fmt.Sprintf("the pipeline %q has no sink", p.Name),
			`A pipeline has at least one: sink "kafka" "name" { ... }.`))
	}
}

// block reads a source or a sink with the settings of its kind.
func (l *loader) block(scope string, b *hclsyntax.Block, kinds map[string]func() any) Block {
	body := bodyOf(scope, b)
	out := Block{Kind: b.Labels[0], Range: body.header}
	if len(b.Labels) > 1 {
		out.Name = b.Labels[1]
	}
	kind := kinds[out.Kind]
	if kind == nil {
		l.unknownKind(scope, out.Kind, b, names(kinds))
		return out
	}
	out.Settings = kind()
	v := reflect.ValueOf(out.Settings).Elem()
	s := schemaOf(v.Type())
	var steps stepKinds
	if scope == "sink" {
		steps = l.stepsOf(func(k StepKind) bool { return slices.Contains(k.Sinks, out.Kind) })
	}
	l.checkNames(&body, steps.addTo(s, fmt.Sprintf("sink %q", out.Kind)))
	body = l.overlay(body, out.Kind, s)
	body.labels = b.Labels[1:][:min(len(s.labels), len(b.Labels)-1)] // the first label is the type; the settings may have the name
	l.decode(body, v)
	out.Steps = l.readSteps(b, steps)
	return out
}
