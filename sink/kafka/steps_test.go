package kafka_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/sink/kafka"
)

// publishing are settings of a step that makes events.
type publishing struct{ topics []string }

func (p publishing) Publishes() bool  { return true }
func (p publishing) Topics() []string { return p.topics }

// TopicAt returns a place that is not that of the step.
func (p publishing) TopicAt() hcl.Range { return hcl.Range{Filename: "f.hcl", Start: hcl.Pos{Line: 7}} }

// admitting are settings of a step that has plain changes published.
type admitting struct{ publishing }

func (admitting) Admits(string, string) bool { return true }

func TestStepsOfAKafkaSink(t *testing.T) {
	event := config.Step{Kind: "event", Labels: []string{"Paid"}, Settings: publishing{[]string{"paid"}}}
	misnamed := config.Step{Kind: "event", Labels: []string{"Paid"}, Settings: publishing{[]string{"paid orders"}}}
	changes := config.Step{Kind: "changes", Settings: admitting{}}
	mask := config.Step{Kind: "mask", Settings: struct{}{}}
	for name, c := range map[string]struct {
		format string
		steps  []config.Step
		want   string // of the diagnostic; "": none
	}{
		"no step":                 {"json", nil, ""},
		"raw":                     {"raw", []config.Step{mask, event}, ""},
		"raw without events":      {"raw", []config.Step{mask}, "no block that gives events one"},
		"raw with plain changes":  {"raw", []config.Step{event, changes}, "format raw cannot publish what changes admits"},
		"changes":                 {"json", []config.Step{event, changes}, ""},
		"a topic that cannot be":  {"json", []config.Step{misnamed}, `topic of event "Paid" cannot be the name of a topic`},
		"the same in format raw":  {"raw", []config.Step{misnamed}, `topic of event "Paid" cannot be the name of a topic`},
		"an event in cloudevents": {"", []config.Step{event}, ""},
	} {
		s := &kafka.Settings{Brokers: []string{"kafka:9092"}, Format: c.format}
		if d := s.CheckSettings(config.Positions{}); len(d) > 0 {
			t.Errorf("%s: %v", name, d)
		}
		d := s.UseSteps(c.steps)
		if c.want == "" && len(d) != 0 || c.want != "" && (len(d) != 1 || !strings.Contains(d.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, d, c.want)
		}
		if strings.HasPrefix(c.want, "topic of") && d[0].Subject.Start.Line != 7 {
			t.Errorf("%s: it is marked at %s", name, d[0].Subject)
		}
	}
}

func TestCheckLooksAtTheTopicsOfSteps(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "there", kafka.DefaultProgressTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s := &kafka.Settings{Brokers: c.ListenAddrs(), Topic: template(t, "there")}
	s.UseSteps([]config.Step{{Kind: "event", Settings: publishing{[]string{"missing", "there"}}}})
	missing := 0
	for _, err := range s.Check(t.Context(), pipeline(), "bus") {
		if strings.Contains(err.Error(), "topic missing does not exist") {
			missing++
			problem(t, err, "topic_missing")
		} else if strings.Contains(err.Error(), "does not exist") {
			t.Error(err)
		}
	}
	if missing != 1 {
		t.Errorf("the missing topic of a step is reported %d times", missing)
	}
}
