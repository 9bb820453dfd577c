package config_test

import (
	"net/url"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
)

// The kinds of these tests look like the real ones.

type postgres struct {
	URL         string          `hcl:"url"`
	Password    config.Secret   `hcl:"password,optional"`
	Tables      []string        `hcl:"tables,optional"`
	Except      []string        `hcl:"except,optional"`
	Slot        string          `hcl:"slot,optional"`
	Publication string          `hcl:"publication,optional"`
	Manage      *bool           `hcl:"manage,optional"`
	Failover    bool            `hcl:"failover,optional"`
	Heartbeat   config.Duration `hcl:"heartbeat,optional"`
	Snapshot    snapshot        `hcl:"snapshot,block"`
	Table       []table         `hcl:"table,block"`
	Range       hcl.Range       `hcl:",range"`
}

type snapshot struct {
	Mode     string `hcl:"mode,optional"`
	Parallel int    `hcl:"parallel,optional"`
}

type table struct {
	Name    string    `hcl:"name,label"`
	Key     []string  `hcl:"key,optional"`
	Columns []string  `hcl:"columns,optional"`
	Where   string    `hcl:"where,optional"`
	Range   hcl.Range `hcl:",range"`
}

func (p *postgres) CheckSettings(at config.Positions) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if u, err := url.Parse(p.URL); err != nil {
		diags = append(diags, fault(at.At("url"), "url is not a URL", err.Error())) // quotes the URL
	} else if u.Scheme != "postgres" {
		diags = append(diags, fault(at.At("url"), "url has the scheme "+u.Scheme, ""))
	}
	if len(p.Tables) == 0 && len(p.Table) == 0 && at.Known("tables") {
		diags = append(diags, fault(at.At("tables"), "no tables", "Give tables, or table blocks."))
	}
	return diags
}

func (s *snapshot) CheckSettings(at config.Positions) hcl.Diagnostics {
	if s.Mode != "initial" && s.Mode != "never" {
		return hcl.Diagnostics{fault(at.At("mode"), "mode is not initial or never", "It is "+s.Mode+".")}
	}
	return nil
}

func (t *table) CheckSettings(config.Positions) hcl.Diagnostics {
	if !strings.Contains(t.Name, ".") {
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "the table has no schema", Detail: `Write "public.` + t.Name + `".`}}
	}
	return nil
}

type kafka struct {
	Brokers      []string           `hcl:"brokers"`
	User         string             `hcl:"user,optional"`
	Password     config.Secret      `hcl:"password,optional"`
	Topic        *config.Expression `hcl:"topic,optional"`
	Format       string             `hcl:"format,optional"`
	Delivery     string             `hcl:"delivery,optional"`
	DeadLetter   string             `hcl:"dead_letter,optional"`
	Tombstones   *bool              `hcl:"tombstones,optional"`
	MaxRequest   config.Size        `hcl:"max_request,optional"`
	CreateTopics *createTopics      `hcl:"create_topics,block"`
	TLS          *tls               `hcl:"tls,block"`

	topic *expr.Template // of Topic
}

type createTopics struct {
	Names      []string          `hcl:"names,optional"`
	Partitions int               `hcl:"partitions,optional"`
	Config     map[string]string `hcl:"config,optional"`
}

type tls struct {
	CA  string        `hcl:"ca,optional"`
	Key config.Secret `hcl:"key,optional"`
}

func (k *kafka) CheckSettings(at config.Positions) hcl.Diagnostics {
	topic, diags := expr.NewTemplate(k.Topic)
	k.topic = topic
	if k.Delivery != "at_least_once" && k.Delivery != "exactly_once" {
		diags = append(diags, fault(at.At("delivery"), "delivery is not at_least_once or exactly_once", ""))
	}
	return diags
}

type stdout struct {
	Pretty bool    `hcl:"pretty,optional"`
	Rate   float64 `hcl:"rate,optional"`

	steps []string // of UseSteps
}

func (s *stdout) UseSteps(steps []config.Step) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, step := range steps {
		s.steps = append(s.steps, step.String())
		if s.Pretty && step.Kind == "shape" && step.Labels[0] == "ugly" {
			diags = append(diags, fault(step.Range, "a pretty sink has an ugly shape", ""), &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "this sink is not pretty",
			})
		}
	}
	return diags
}

func fault(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}

func kinds() config.Kinds {
	return config.Kinds{
		Sources: map[string]func() any{
			"postgres": func() any { return &postgres{Snapshot: snapshot{Mode: "initial", Parallel: 4}} },
		},
		Sinks: map[string]func() any{
			"kafka":  func() any { return &kafka{Delivery: "at_least_once", Format: "cloudevents"} },
			"stdout": func() any { return &stdout{} },
		},
	}
}

// canary is a secret that no output may show.
const (
	canary     = "hunter2-CANARY/p@ss" // of the environment
	fileCanary = "hunter3-CANARY/p@ss"
)

func env(name string) (string, bool) {
	v, ok := map[string]string{
		"PGHOST": "db.canary-host.test", "PGPASSWORD": canary, "BROKERS": "k1:9092,k2:9092", "COUNT": "twelve-CANARY",
		"SHORT": "zq", "EMPTY": "", "REGION": "eu",
	}[name]
	return v, ok
}

func readFile(path string) ([]byte, error) {
	if path == "/run/secrets/password" {
		return []byte(fileCanary + "\n"), nil
	}
	return nil, &hostError{}
}

type hostError struct{}

func (*hostError) Error() string { return "no such file" }

func options() config.Options { return config.Options{Env: env, ReadFile: readFile} }
