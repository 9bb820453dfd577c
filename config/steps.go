package config

import (
	"fmt"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// stepKinds are the kinds of steps that belong in a block.
type stepKinds map[string]StepKind

func (l *loader) stepsOf(belongs func(StepKind) bool) stepKinds {
	all := stepKinds{}
	for name, k := range l.kinds.Steps {
		if belongs(k) {
			all[name] = k
		}
	}
	return all
}

// addTo returns the names of a block that may have the steps. It panics when a name is taken.
func (k stepKinds) addTo(s schema, block string) schema {
	all := schema{attrs: s.attrs, blocks: map[string]field{}}
	mergeInto(all.blocks, s.blocks)
	for _, name := range names(k) {
		_, isAttr := s.attrs[name]
		if _, isBlock := s.blocks[name]; isAttr || isBlock || name == "connection" || name == "enabled" {
			panic(fmt.Sprintf("config: the step %q is already a name of %s", name, block))
		}
		all.blocks[name] = field{}
	}
	return all
}

// readSteps reads the steps of a pipeline or a sink in the order of the file, whatever their kinds.
func (l *loader) readSteps(parent *hclsyntax.Block, kinds stepKinds) []Step {
	var steps []Step
	taken := map[string]hcl.Range{}
	for _, b := range parent.Body.Blocks {
		kind, ok := kinds[b.Type]
		if !ok {
			continue
		}
		if on, _ := l.enabled(b.Body.Attributes); !on {
			continue
		}
		body := bodyOf(b.Type, b)
		step := Step{Kind: b.Type, Labels: b.Labels, Settings: kind.Settings(), Range: body.header}
		if first, twice := taken[step.String()]; twice && len(b.Labels) > 0 {
			l.report.append(problem(b.LabelRanges[0], fmt.Sprintf("there are two blocks %s in this %s", step, parent.Type),
				"The first is at "+where(first)+"."))
		} else {
			taken[step.String()] = body.header
		}
		v := reflect.ValueOf(step.Settings).Elem()
		l.checkNames(&body, schemaOf(v.Type()))
		l.decode(body, v)
		steps = append(steps, step)
	}
	return steps
}
