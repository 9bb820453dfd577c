package eventtest

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/preview"
)

// Lookup returns what env() gives to the pipeline files: the env of the test file, then what of finds.
func (f *File) Lookup(of func(string) (string, bool)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if v, ok := f.Env[name]; ok {
			return v, true
		}
		return of(name)
	}
}

// Check reports, in the report of the test file, the pipelines, the sinks and the attributes of events that the pipeline files do not
// have. It returns what of the rules does not fit the declared tables, which belongs in the report of the pipeline files.
func (f *File) Check(files *config.File) hcl.Diagnostics {
	var diags hcl.Diagnostics
	checked := map[string]bool{}
	for _, c := range f.Cases {
		p, ok := f.pipeline(files, c)
		if !ok {
			continue
		}
		if !checked[p.Name] {
			checked[p.Name] = true
			diags = append(diags, f.checkRules(p)...)
		}
		for i := range c.Expected {
			f.checkExpectation(p, &c.Expected[i])
		}
	}
	return diags
}

// pipeline returns the pipeline of a case.
func (f *File) pipeline(files *config.File, c *Case) (config.Pipeline, bool) {
	var names []string
	for _, p := range files.Pipelines {
		if p.Name == c.Pipeline || c.Pipeline == "" && len(files.Pipelines) == 1 {
			return p, true
		}
		names = append(names, p.Name)
	}
	if c.Pipeline == "" {
		f.problemf(c.Place, fmt.Sprintf("Write pipeline = with one of %q in the case.", names), "the files have several pipelines")
		return config.Pipeline{}, false
	}
	hint := config.Suggest(c.Pipeline, slices.Clone(names))
	if hint == "" {
		hint = fmt.Sprintf("There are %q.", names)
	}
	f.problemf(c.Place, hint, "the files have no pipeline %q", c.Pipeline)
	return config.Pipeline{}, false
}

// checkRules reports rules that use what has no value in a test, and rules that do not fit the declared tables.
func (f *File) checkRules(p config.Pipeline) hcl.Diagnostics {
	if diags := preview.Unknown(p); diags.HasErrors() {
		return diags
	}
	return preview.Check(p, f.Tables, true)
}

func sinkOf(p config.Pipeline, name string) (config.Block, bool) {
	i := slices.IndexFunc(p.Sinks, func(b config.Block) bool { return b.Name == name })
	if i < 0 {
		return config.Block{}, false
	}
	return p.Sinks[i], true
}

// checkExpectation reports a sink that the pipeline does not have, and attributes that events of the sink do not have.
func (f *File) checkExpectation(p config.Pipeline, e *Expectation) {
	block, ok := sinkOf(p, e.Sink)
	if !ok {
		var names []string
		for _, s := range p.Sinks {
			names = append(names, s.Name)
		}
		hint := config.Suggest(e.Sink, slices.Clone(names))
		if hint == "" {
			hint = fmt.Sprintf("Its sinks are %q.", names)
		}
		f.problemf(e.Place, hint, "the pipeline %q has no sink %q", p.Name, e.Sink)
		return
	}
	_, records := block.Settings.(preview.Encoding)
	_, topics := block.Settings.(preview.Topics)
	for i := range e.Events {
		for _, field := range e.Events[i].Fields {
			lacks := !records && slices.Contains([]string{"key", "headers", "value"}, field.Name) || !topics && field.Name == "topic"
			if lacks {
				f.problemf(field.Place, "Remove it; data has the row.", "events of a sink %q have no %s", block.Kind, field.Name)
			}
		}
	}
}
