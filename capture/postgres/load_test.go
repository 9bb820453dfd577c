package postgres

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/config"
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
