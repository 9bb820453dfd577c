package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/changes"
	"github.com/tailrace/tailrace/transform/filter"
	"github.com/tailrace/tailrace/transform/messages"
)

// load reads a pipeline file whose source block is body.
func load(t *testing.T, body string) (*Settings, *config.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.hcl")
	text := "pipeline \"orders\" {\n  source \"postgres\" {\n" + body + "\n  }\n  sink \"none\" \"n\" {}\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, report := config.Load([]string{path}, config.Kinds{
		Sources: map[string]func() any{"postgres": func() any { return NewSettings() }},
		Sinks:   map[string]func() any{"none": func() any { return &struct{}{} }},
	}, config.Options{})
	if file == nil {
		return nil, report
	}
	return file.Pipelines[0].Source.Settings.(*Settings), report
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, report := load(t, `
    url       = "postgres://u@db/shop"
    password  = file("`+file+`")
    tables    = ["public.orders", "tenant_*.orders"]
    except    = ["public.schema_migrations"]
    failover  = true
    heartbeat = "30s"
    snapshot {
      mode = "never"
    }
    table "public.lines" {
      key     = ["id"]
      columns = ["id", "sku"]
      where   = "id > 3"
    }`)
	if s == nil {
		t.Fatal(report)
	}
	c, err := s.Config("orders")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"old", "new"} { // it is replaced under a running daemon
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := c.Password(); p != text || err != nil {
			t.Errorf("password %q, %v, want %q", p, err, text)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	_, err = c.parse()
	wantProblem(t, []error{err}, "password_unreadable", "password")
	want(t, "options", c.Options, []TableOption{{Name: "public.lines", Key: []string{"id"}, Columns: []string{"id", "sku"}, Where: "id > 3"}})
	if !slices.Equal(c.Tables, s.Include) || len(c.Except) != 1 || !c.Failover || !c.Manage || c.Heartbeat.Seconds() != 30 ||
		c.Snapshot != SnapshotNever || c.URL != "postgres://u@db/shop" {
		t.Errorf("%+v", c)
	}
}

// TestWithoutTables: a pipeline whose blocks are all messages blocks needs no tables, and every other one does.
func TestWithoutTables(t *testing.T) {
	kinds := config.Kinds{
		Sources: map[string]func() any{"postgres": func() any { return NewSettings() }},
		Sinks:   map[string]func() any{"none": func() any { return &struct{}{} }},
		Steps: map[string]config.StepKind{
			"messages": {Settings: func() any { return &messages.Settings{} }, Sinks: []string{"none"}},
			"changes":  {Settings: func() any { return &changes.Settings{} }, Sinks: []string{"none"}},
			"filter":   {Settings: func() any { return &filter.Settings{} }, Pipeline: true, Sinks: []string{"none"}},
		},
	}
	const events, cart = "messages \"shop.\" {}\n", "messages \"cart.\" {}\n"
	for _, c := range []struct {
		name, source, pipeline string
		sinks                  []string
		ok                     bool
	}{
		{"messages", "", "", []string{events, cart + events}, true},
		{"a sink of plain changes", "", "", []string{events, ""}, false},
		{"changes too", "", "", []string{events + "changes {}\n"}, false},
		{"a filter", "", "filter \"public.a\" {\n when = true\n}\n", []string{events}, false},
		{"a block that is not enabled", "", "", []string{"messages \"shop.\" {\n enabled = false\n}\n"}, false},
		{"no table is left", "tables = []\n", "", []string{events}, true},
		{"tables", "tables = [\"public.a\"]\n", "", []string{events, ""}, true},
		{"the publication of another", "manage = false\n", "", []string{""}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "pipeline \"orders\" {\nsource \"postgres\" {\nurl = \"postgres://u@db/shop\"\n" + c.source + "}\n" + c.pipeline
			for i, blocks := range c.sinks {
				text += fmt.Sprintf("sink \"none\" \"s%d\" {\n%s}\n", i, blocks)
			}
			path := filepath.Join(t.TempDir(), "p.hcl")
			if err := os.WriteFile(path, []byte(text+"}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, report := config.Load([]string{path}, kinds, config.Options{})
			if c.ok && report.HasErrors() || !c.ok && (len(report.Diagnostics) != 1 || !strings.Contains(report.String(), "no tables are named")) {
				t.Errorf("%s\ngives %s", text, report)
			}
		})
	}
}

func TestLoadMistakesHavePlaces(t *testing.T) {
	for body, want := range map[string]string{
		`url = "mysql://u@db/shop"` + "\n" + `tables = ["a.b"]`:                                                          "p.hcl:3",
		`url = "postgres://u@db/shop"`:                                                                                   "no tables are named",
		`url = "postgres://u@db/shop"` + "\n" + `table "a.*" {}`:                                                         "p.hcl:4",
		`url = "postgres://u@db/shop"` + "\n" + `table "a.b" {` + "\n" + `key = []` + "\n" + `}`:                         "p.hcl:5",
		`url = "postgres://u@db/shop"` + "\n" + `tables = ["a.b"]` + "\n" + `manage = false` + "\n" + `except = ["a.c"]`: "p.hcl:6",
	} {
		s, report := load(t, body)
		if s != nil || len(report.Diagnostics) != 1 {
			t.Errorf("%s\ngives %+v, %v", body, s, report)
			continue
		}
		if text := report.String(); !strings.Contains(text, want) {
			t.Errorf("%s\ngives %s, want %s", body, text, want)
		}
	}
}
