package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// shape is a step with a label, which belongs in a pipeline and in two types of sinks.
type shape struct {
	Name   string             `hcl:"name,label"`
	Text   *config.Expression `hcl:"text,optional"`
	Times  int                `hcl:"times,optional"`
	Pepper config.Secret      `hcl:"pepper,optional"`
	Tag    []tag              `hcl:"tag,block"`
	Range  hcl.Range          `hcl:",range"`
}

type tag struct {
	Value string `hcl:"value"`
}

func (s *shape) CheckSettings(at config.Positions) hcl.Diagnostics {
	_, diags := expr.NewTemplate(s.Text)
	if s.Times > 9 {
		diags = append(diags, fault(at.At("times"), "times is more than 9", ""))
	}
	return diags
}

// only is a step without a label, which belongs in sinks of type "kafka".
type only struct {
	Tables []string `hcl:"tables"`
}

func stepKindsOfTest() config.Kinds {
	k := kinds()
	k.Steps = map[string]config.StepKind{
		"shape": {Settings: func() any { return &shape{Times: 1} }, Pipeline: true, Sinks: []string{"kafka", "stdout"}},
		"only":  {Settings: func() any { return &only{} }, Sinks: []string{"kafka"}},
		"event": {Settings: func() any { return &shape{} }, Sinks: []string{"kafka"}},
	}
	return k
}

// inKafka is a pipeline whose Kafka sink has the text.
func inKafka(text string) string {
	return strings.Replace(minimal, `sink "stdout" "out" {}`, "sink \"kafka\" \"k\" {\n    brokers = [\"k\"]\n"+text+"\n  }", 1)
}

func TestStepsAreInTheOrderOfTheFile(t *testing.T) {
	path := t.TempDir() + "/f.hcl"
	writeFile(t, path, `connection "kafka" "c" { brokers = ["k"] }
pipeline "p" {
  shape "first" {}
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  shape "second" { times = 2 }
  sink "kafka" "k" {
    connection = "c"
    only { tables = ["a"] }
    shape "b" {
      text = "x.${table.name}"
      tag { value = "one" }
      tag { value = "two" }
    }
    create_topics { partitions = 2 }
    shape "off" { enabled = false }
    only { tables = ["b"] }
    event "c" {}
    shape "a" {}
  }
  sink "stdout" "out" {
    shape "b" {}
  }
  shape "third" {}
}
`)
	f, report := config.Load([]string{path}, stepKindsOfTest(), options())
	if report.HasErrors() {
		t.Fatal(report)
	}
	list := func(steps []config.Step) (all []string) {
		for _, s := range steps {
			all = append(all, fmt.Sprintf("%d %s", s.Range.Start.Line, s))
		}
		return all
	}
	p := f.Pipelines[0]
	for _, c := range []struct{ want, got []string }{
		{[]string{`3 shape "first"`, `8 shape "second"`, `26 shape "third"`}, list(p.Steps)},
		{[]string{"11 only", `12 shape "b"`, "19 only", `20 event "c"`, `21 shape "a"`}, list(p.Sinks[0].Steps)},
		{[]string{`24 shape "b"`}, list(p.Sinks[1].Steps)},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("(- wanted, + got)\n%s", diff)
		}
	}
	s := p.Sinks[0].Steps[1].Settings.(*shape)
	if s.Name != "b" || s.Times != 1 || s.Text == nil || len(s.Tag) != 2 || s.Tag[1].Value != "two" || s.Range.Start.Line != 12 {
		t.Errorf("%+v", s)
	}
	if k := p.Sinks[0].Settings.(*kafka); k.CreateTopics == nil || k.CreateTopics.Partitions != 2 || p.Steps[1].Settings.(*shape).Times != 2 {
		t.Errorf("%+v, %+v", k, p.Steps[1].Settings)
	}
}

func TestSinksGetTheirSteps(t *testing.T) {
	path := t.TempDir() + "/f.hcl"
	writeFile(t, path, strings.Replace(minimal, `sink "stdout" "out" {}`, `sink "stdout" "out" {
    shape "b" {}
    shape "off" { enabled = false }
    shape "c" {}
  }
  shape "a" {}`, 1))
	f, report := config.Load([]string{path}, stepKindsOfTest(), options())
	if report.HasErrors() {
		t.Fatal(report)
	}
	want := []string{`shape "a"`, `shape "b"`, `shape "c"`} // those of the pipeline come first
	if diff := cmp.Diff(want, f.Pipelines[0].Sinks[0].Settings.(*stdout).steps); diff != "" {
		t.Errorf("(- wanted, + got)\n%s", diff)
	}
}

// TestStepProblems marks each problem in the file, as the files of testdata/broken do.
func TestStepProblems(t *testing.T) {
	for name, text := range map[string]string{
		"a sink whose steps do not fit": strings.Replace(minimal, `sink "stdout" "out" {}`, `/* ERROR "this sink is not pretty" */ sink "stdout" "out" {
    pretty = true
    /* ERROR "a pretty sink has an ugly shape" */ shape "ugly" {}
  }`, 1),
		"misspelt in a sink": inKafka(`/* ERROR "there is no block \"shap\" in a sink: Did you mean \"shape\"" */ shap "a" {}`),
		"misspelt in a pipeline": strings.Replace(minimal, "source", `/* ERROR "there is no block \"shpe\" in a pipeline: Did you mean \"shape\"" */ shpe "a" {}
  source`, 1),
		"misspelt attribute": inKafka(`shape "a" {
      /* ERROR "there is no attribute \"tims\" in a shape: Did you mean \"times\"" */ tims = 1
    }`),
		"unknown":      inKafka(`/* ERROR "there is no block \"wibble\" in a sink: Valid names: .*\"event\", \"only\", \"shape\" or \"tls\"" */ wibble {}`),
		"as attribute": inKafka(`/* ERROR "\"only\" is a block: Write it without the equals sign" */ only = ["a"]`),
		"in a wrong sink": strings.Replace(minimal, "{}", `{
    /* ERROR "there is no block \"only\" in a sink: It belongs in a sink block of type \"kafka\"\\." */ only { tables = [] }
  }`, 1),
		"in a pipeline": strings.Replace(minimal, "  source", `  /* ERROR "there is no block \"event\" in a pipeline: It belongs in a sink block of type \"kafka\"\\." */ event "a" {}
  source`, 1),
		"in a source": strings.Replace(minimal, "url ", `/* ERROR "there is no block \"shape\" in a source: It belongs in a pipeline block or a sink block of type \"kafka\" or \"stdout\"\\." */ shape "a" {}
    url `, 1),
		"in a nested block": inKafka(`create_topics {
      /* ERROR "there is no block \"shape\" in a create_topics: It belongs in" */ shape "a" {}
    }`),
		"in a step": inKafka(`event "a" {
      /* ERROR "there is no block \"shape\" in an event: It belongs in" */ shape "a" {}
    }`),
		"in a file": `/* ERROR "there is no block \"event\" in a file: It belongs in" */ event "a" {}` + "\n" + minimal,
		"in a connection": `connection "kafka" "c" {
  /* ERROR "there is no block \"shape\" in a connection: It belongs in" */ shape "a" {}
}
` + minimal,
		"the same name": inKafka(`shape "a" {}
    event "a" {}
    shape /* ERROR "there are two blocks shape \"a\" in this sink: The first is at .*:8\\." */ "a" {}
    shape "b" {}
    shape "a" { enabled = false }`),
		"the same name in a pipeline": strings.Replace(minimal, "  source", `  shape "a" {}
  shape /* ERROR "there are two blocks shape \"a\" in this pipeline: The first is at .*:2\\." */ "a" {}
  source`, 1),
		"no label":                    inKafka(`/* ERROR "an event block needs a name: Write event \"name\" { }" */ event {}`),
		"too many labels":             inKafka(`event "a" /* ERROR "an event block has no such label" */ "b" {}`),
		"label of a step without one": inKafka(`only /* ERROR "an only block has no such label" */ "b" { tables = ["a"] }`),
		"attribute missing":           inKafka(`/* ERROR "tables is missing: An only block needs the attribute \"tables\"" */ only {}`),
		"its own check": inKafka(`shape "a" {
      /* ERROR "times is more than 9" */ times = 10
      text = "${/* ERROR "this is not known of a table: Did you mean \"table.name\"" */ table.nam}.${/* ERROR "row values are not known here" */ row.id}"
    }`),
		"a local that is missing, alone": inKafka(`shape "a" { text = "${/* ERROR "there is no local.none" */ local.none}.${table.name}" }`),
		"a local that is missing": inKafka(`shape "a" {
      text = "${/* ERROR "there is no local.none" */ local.none}.${/* ERROR "this is not known of a table" */ table.nam}"
    }`),
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/f.hcl"
			writeFile(t, path, text)
			_, report := config.Load([]string{path}, stepKindsOfTest(), options())
			compare(t, expectations(t, text), report)
		})
	}
}

// TestSecretsOfStepsAreNotShown has a literal secret in a step, next to a problem.
func TestSecretsOfStepsAreNotShown(t *testing.T) {
	path := t.TempDir() + "/f.hcl"
	writeFile(t, path, inKafka("    shape \"a\" {\n      pepper = \"hunter2-CANARY\" + local.none\n    }"))
	_, report := config.Load([]string{path}, stepKindsOfTest(), options())
	if !strings.Contains(report.String(), "pepper = (secret)\n") || strings.Contains(report.String(), "CANARY") {
		t.Errorf("%s", report)
	}
}

// TestStepsWithTakenNamesPanic: a step and a setting of one name are a mistake in the program.
func TestStepsWithTakenNamesPanic(t *testing.T) {
	for name, kind := range map[string]config.StepKind{
		"tls":     {Sinks: []string{"kafka"}},
		"topic":   {Sinks: []string{"kafka"}},
		"enabled": {Sinks: []string{"kafka"}},
		"source":  {Pipeline: true},
		"window":  {Pipeline: true},
	} {
		k := kinds()
		kind.Settings = func() any { return &only{} }
		k.Steps = map[string]config.StepKind{name: kind}
		path := t.TempDir() + "/f.hcl"
		writeFile(t, path, inKafka(""))
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			config.Load([]string{path}, k, options())
		}()
	}
}
