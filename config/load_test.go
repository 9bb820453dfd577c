package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/config"
)

// load reads texts as files a.hcl, b.hcl, ... of a new folder.
func load(t testing.TB, o config.Options, texts ...string) (*config.File, *config.Report) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".hcl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load([]string{dir}, kinds(), o)
}

func mustLoad(t testing.TB, texts ...string) *config.File {
	t.Helper()
	f, report := load(t, options(), texts...)
	if report.HasErrors() {
		t.Fatal(report)
	}
	return f
}

func TestLoadFillsSettings(t *testing.T) {
	f, report := config.Load([]string{"testdata/good/orders.hcl"}, kinds(), options())
	if report.HasErrors() {
		t.Fatal(report)
	}
	if d := f.Daemon; d.Listen != "0.0.0.0:9188" || string(d.Token) != fileCanary || d.Memory != 1<<30 {
		t.Errorf("daemon: listen %s, memory %d", d.Listen, d.Memory)
	}
	if len(f.Pipelines) != 1 || f.Pipelines[0].Name != "orders" || f.Pipelines[0].Window != 32<<20 {
		t.Fatalf("pipelines: %+v", f.Pipelines)
	}
	p := f.Pipelines[0]
	manage := false
	want := &postgres{
		URL: "postgres://tailrace@db.canary-host.test/shop", Password: fileCanary,
		Tables: []string{"public.orders", "tenant_*.orders"}, Except: []string{"public.schema_migrations"},
		Slot: "tailrace_orders", Manage: &manage, Failover: true, Heartbeat: config.Duration(10 * time.Second),
		Snapshot: snapshot{Mode: "never", Parallel: 4},
		Table: []table{
			{Name: "public.Order Notes", Key: []string{"id"}, Where: "region = 'EU'"},
			{Name: "public.customers", Columns: []string{"id", "name"}},
		},
	}
	got := p.Source.Settings.(*postgres)
	if got.Range.Start.Line != p.Source.Range.Start.Line || got.Table[1].Range.Start.Line <= got.Table[0].Range.Start.Line {
		t.Errorf("ranges: %v %v", got.Range, got.Table)
	}
	got.Range, got.Table[0].Range, got.Table[1].Range = want.Range, want.Range, want.Range
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(p.Sinks) != 2 || p.Sinks[0].Name != "bus" || p.Sinks[0].Kind != "kafka" || p.Sinks[1].Name != "out" {
		t.Fatalf("sinks: %+v", p.Sinks)
	}
	k := p.Sinks[0].Settings.(*kafka)
	if diff := cmp.Diff(&createTopics{Names: []string{"outbox.order"}, Partitions: 12, Config: map[string]string{"cleanup.policy": "compact"}},
		k.CreateTopics); diff != "" {
		t.Error(diff)
	}
	if topic, err := k.topic.Eval("public", "orders"); err != nil || topic != "eu.cdc.public.orders" {
		t.Errorf("topic %q, %v", topic, err)
	}
	if diff := cmp.Diff([]string{"k1:9092", "k2:9092"}, k.Brokers); diff != "" {
		t.Error(diff)
	}
	if k.User != "own" || string(k.Password) != canary || k.TLS == nil || k.TLS.CA != "/own.pem" || k.TLS.Key != "" {
		t.Errorf("the block's own settings do not win over the connection's: user %s, tls %+v", k.User, k.TLS)
	}
	if k.Delivery != "exactly_once" || k.Format != "cloudevents" || k.MaxRequest != 1<<20 || k.Tombstones != nil {
		t.Errorf("kafka: %+v", k)
	}
	if s := p.Sinks[1].Settings.(*stdout); !s.Pretty || s.Rate != 0.5 {
		t.Errorf("stdout: %+v", s)
	}
}

const minimal = `pipeline "p" {
  source "postgres" {
    url    = "postgres://h/db"
    tables = ["public.t"]
  }
  sink "stdout" "out" {}
}
`

func TestDefaults(t *testing.T) {
	f := mustLoad(t, minimal)
	if f.Daemon.Listen != "127.0.0.1:9187" || f.Daemon.Token != "" || f.Daemon.Memory != 0 {
		t.Errorf("daemon: %+v", f.Daemon)
	}
	if p := f.Pipelines[0]; p.Window != 4<<20 || p.Source.Settings.(*postgres).Snapshot.Mode != "initial" {
		t.Errorf("pipeline: %+v", p)
	}
}

func TestEnabled(t *testing.T) {
	f := mustLoad(t, `
locals { region = env("REGION") }
pipeline "off" {
  enabled = local.region == "us"
  source "postgres" { url = env("NOT_SET") }
}
pipeline "on" {
  enabled = local.region == "eu"
  source "postgres" {
    url = "postgres://h"
    table "public.a" {}
    table "public.b" { enabled = false }
    snapshot {
      enabled = false
      mode    = "never"
    }
  }
  source "postgres" {
    enabled = false
    url     = env("NOT_SET")
  }
  sink "stdout" "a" {}
  sink "stdout" "b" { enabled = null }
  sink "stdout" "c" { enabled = "false" }
}`)
	if len(f.Pipelines) != 1 || f.Pipelines[0].Name != "on" || len(f.Pipelines[0].Sinks) != 2 {
		t.Fatalf("pipelines: %+v", f.Pipelines)
	}
	if s := f.Pipelines[0].Source.Settings.(*postgres); len(s.Table) != 1 || s.Snapshot.Mode != "initial" {
		t.Errorf("source: %+v", s)
	}
}

func TestFilesSeeEachOther(t *testing.T) {
	f := mustLoad(t, strings.ReplaceAll(minimal, `"postgres://h/db"`, "local.url"), `locals { url = "postgres://h/${local.db}" }`,
		`locals { db = "shop" }`)
	if s := f.Pipelines[0].Source.Settings.(*postgres); s.URL != "postgres://h/shop" {
		t.Errorf("url %s", s.URL)
	}
}

func TestNullIsNotGiven(t *testing.T) {
	f := mustLoad(t, `pipeline "p" {
  window = null
  source "postgres" {
    url      = "postgres://h"
    tables   = ["public.t"]
    slot     = null
    manage   = null
    password = null
    snapshot { mode = null }
  }
  sink "kafka" "k" {
    brokers = ["k"]
    topic   = null
  }
}`)
	s, k := f.Pipelines[0].Source.Settings.(*postgres), f.Pipelines[0].Sinks[0].Settings.(*kafka)
	if f.Pipelines[0].Window != 4<<20 || s.Manage != nil || s.Snapshot.Mode != "initial" || k.topic != nil {
		t.Errorf("%+v %+v", s, k)
	}
	if _, report := load(t, options(), strings.Replace(minimal, `"postgres://h/db"`, "null", 1)); !strings.Contains(report.String(), "url is missing") {
		t.Errorf("null for a required attribute: %s", report)
	}
}

func TestOffline(t *testing.T) {
	o := options()
	o.Offline = true
	f, report := config.Load([]string{"testdata/good/offline.hcl"}, kinds(), o)
	if report.HasErrors() {
		t.Fatal(report)
	}
	s, k := f.Pipelines[0].Source.Settings.(*postgres), f.Pipelines[0].Sinks[0].Settings.(*kafka)
	if s.URL != "" || s.Tables != nil || k.topic != nil || k.Topic.Known() || k.Delivery != "at_least_once" {
		t.Errorf("unknown values are not at their defaults: %+v %+v", s, k)
	}
	if s.Slot != "known_eu" {
		t.Errorf("slot %q", s.Slot)
	}
	_, report = config.Load([]string{"testdata/good/offline.hcl"}, kinds(), options())
	for _, want := range []string{
		`offline.hcl:7:14: error: the environment variable "NO_HOST" is not set`,
		`offline.hcl:17:21: error: the file "/run/secrets/none" cannot be read: no such file`,
	} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("online, the report lacks %q:\n%s", want, report)
		}
	}
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.hcl"), []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{nil, "error: no pipeline file"},
		{[]string{dir}, ""},
		{[]string{dir, filepath.Join(dir, ".", "p.hcl")}, ""},
		{[]string{dir, empty}, empty + " has no file that ends in .hcl"},
		{[]string{dir + "/none", dir}, dir + "/none does not exist"},
	} {
		f, report := config.Load(c.paths, kinds(), options())
		if c.want == "" && report.HasErrors() || !strings.Contains(report.String(), c.want) {
			t.Errorf("%v: want %q, got\n%s", c.paths, c.want, report)
		}
		if (f == nil) != report.HasErrors() {
			t.Errorf("%v: a file in spite of errors, or none without", c.paths)
		}
	}
}

func TestHash(t *testing.T) {
	a, b := mustLoad(t, minimal), mustLoad(t, minimal)
	if len(a.Hash) != 16 || a.Hash != b.Hash {
		t.Errorf("hashes %s %s", a.Hash, b.Hash)
	}
	hashes := map[string]bool{a.Hash: true}
	for _, texts := range [][]string{
		{strings.Replace(minimal, "public.t", "public.u", 1)}, {minimal + "\n"}, {minimal + "\n", "\n"}, {minimal, "\n\n"},
	} {
		hashes[mustLoad(t, texts...).Hash] = true
	}
	if len(hashes) != 5 {
		t.Errorf("different files have the same hash: %v", hashes)
	}
}

// A name that is defined in a file that does not parse is not reported as missing.
func TestSyntaxErrorHidesNoName(t *testing.T) {
	_, report := load(t, options(), "locals { url = 'x' }\n", strings.Replace(minimal, `"postgres://h/db"`, "local.url", 1),
		strings.NewReplacer(`"p"`, `"q"`, `"out" {}`, `"out" { connection = "main" }`, "tables =", "tabels =").Replace(minimal))
	if len(report.Diagnostics) != 2 || !strings.Contains(report.String(), "single quotes") || !strings.Contains(report.String(), "tabels") {
		t.Errorf("report:\n%s", report)
	}
}

func TestFormat(t *testing.T) {
	const ugly, pretty = "pipeline \"p\" {\nwindow=\"1MiB\"\n  source   \"x\"  {\nurl = 1\ntables=2\n}\n}\n",
		"pipeline \"p\" {\n  window = \"1MiB\"\n  source \"x\" {\n    url    = 1\n    tables = 2\n  }\n}\n"
	if got := string(config.Format([]byte(ugly))); got != pretty {
		t.Errorf("got\n%s", got)
	}
	if got := string(config.Format([]byte(pretty))); got != pretty {
		t.Errorf("not stable:\n%s", got)
	}
}

// TestDocumentation loads the pipeline file that docs/configuration.md begins with.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```hcl\n")
	file, _, found := strings.Cut(after, "```")
	o := options()
	o.Offline = true
	if _, report := load(t, o, file); !found || report.HasErrors() {
		t.Errorf("%s\n%s", file, report)
	}
	if got := string(config.Format([]byte(file))); got != file {
		t.Errorf("the file is not formatted:\n%s", got)
	}
}
