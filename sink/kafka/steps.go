package kafka

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/format"
)

// publisher are the settings of a step that makes events of its own; see daemon.Publisher.
type publisher interface{ Publishes() bool }

// admitter are the settings of a step that has plain changes published; see daemon.Admitter.
type admitter interface {
	Admits(schema, table string) bool
}

// topicNamer are the settings of a step whose events go to topics that the file names, and not a row.
type topicNamer interface {
	Topics() []string
	TopicAt() hcl.Range // the expression that names them; the zero Range when the step has none
}

// UseSteps implements config.StepUser. It keeps the topics that the steps name, and reports what has no form in the format raw: plain
// changes.
func (s *Settings) UseSteps(steps []config.Step) hcl.Diagnostics {
	var d hcl.Diagnostics
	report := func(at hcl.Range, summary, detail string) {
		d = append(d, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at})
	}
	s.stepTopics = nil
	publishes := false
	for _, step := range steps {
		if p, can := step.Settings.(publisher); can && p.Publishes() {
			publishes = true
		}
		if _, can := step.Settings.(admitter); can && s.Format == format.Raw {
			report(step.Range, fmt.Sprintf("format raw cannot publish what %s admits", step),
				"A plain change has no payload: the format publishes those of outbox, messages, event and aggregate blocks. "+
					"Write another sink for the changes.")
		}
		if t, can := step.Settings.(topicNamer); can {
			for _, name := range t.Topics() {
				if !kafkaconnect.IsTopicName(name) {
					report(t.TopicAt(), fmt.Sprintf("topic of %s cannot be the name of a topic", step), topicNameRule)
				} else if !slices.Contains(s.stepTopics, name) {
					s.stepTopics = append(s.stepTopics, name)
				}
			}
		}
	}
	if s.Format == format.Raw && !publishes {
		report(s.formatAt, "format raw publishes payloads, and this sink has no block that gives events one",
			"Add an outbox, messages, event or aggregate block, or choose another format.")
	}
	return d
}

const topicNameRule = `Letters, digits, ".", "_" and "-", at most 249.`
