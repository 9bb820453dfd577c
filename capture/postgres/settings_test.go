package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
)

func good() *Settings {
	s := NewSettings()
	s.URL, s.Include = "postgres://u@db/shop", []string{"public.orders", "tenant_*.*"}
	return s
}

func TestSettingsDefaults(t *testing.T) {
	s := good()
	if ds := s.CheckSettings(config.Positions{}); ds.HasErrors() {
		t.Fatal(ds)
	}
	c, err := s.Config("my-Orders")
	if err != nil || c.Slot != "tailrace_my_orders" || c.Publication != "tailrace_my_orders" || !c.Manage ||
		c.Heartbeat != 10*time.Second || c.Snapshot != SnapshotInitial || c.ShutdownGrace != 5*time.Second || c.Password != nil {
		t.Errorf("%+v, %v", c, err)
	}
	s.Password = func() (config.Secret, error) { return secret, nil }
	if c, _ = s.Config("orders"); c.Password == nil {
		t.Fatal("no password")
	}
	if p, err := c.Password(); p != secret || err != nil {
		t.Errorf("%q, %v", p, err)
	}
	if _, err := s.Config(strings.Repeat("x", 60)); state(err) != "slot_name_invalid" {
		t.Errorf("a long pipeline's name: %v", err)
	}
}

func TestSettingsMistakes(t *testing.T) {
	for want, spoil := range map[string]func(*Settings){
		"not a connection URL":          func(s *Settings) { s.URL = "host=db password=" + secret },
		"more than one @":               func(s *Settings) { s.URL = "postgres://u:p@" + secret + "@db/shop" },
		"name of a slot":                func(s *Settings) { s.Slot = "Orders-1" },
		"name of a publication":         func(s *Settings) { s.Publication = strings.Repeat("🦀", 16) },
		`origin = "local" is unknown`:   func(s *Settings) { s.Origin = "local" },
		"heartbeat must be":             func(s *Settings) { s.Heartbeat = config.Duration(time.Hour) },
		`"orders" is not schema.table`:  func(s *Settings) { s.Include = []string{"orders"} },
		`"old" is not schema.table`:     func(s *Settings) { s.Except = []string{"old"} },
		"in tables and in except":       func(s *Settings) { s.Except = []string{"public.orders"} },
		"except has no effect":          func(s *Settings) { s.Manage, s.Except = false, []string{"public.x"} },
		`except leaves out table "a.b"`: func(s *Settings) { s.Except, s.Options = []string{"a.*"}, []TableSettings{{Name: "a.b"}} },
		`two blocks for table "a.b"`:    func(s *Settings) { s.Options = []TableSettings{{Name: "a.b"}, {Name: "a.b"}} },
		"columns and where have no effect": func(s *Settings) {
			s.Manage, s.Options = false, []TableSettings{{Name: "a.b", Columns: []string{"id"}}}
		},
	} {
		s := good()
		spoil(s)
		wantMistake(t, s.CheckSettings(config.Positions{}), want)
	}
}

func TestTableMistakes(t *testing.T) {
	for want, table := range map[string]TableSettings{
		"not schema.table":                 {Name: "orders"},
		"a table block is for one table":   {Name: "public.*"},
		"columns has a column twice":       {Name: "a.b", Columns: []string{"id", "x", "id"}},
		"key has an empty name":            {Name: "a.b", Key: []string{""}},
		"columns leaves out no, id of key": {Name: "a.b", Key: []string{"no", "id"}, Columns: []string{"x"}},
	} {
		wantMistake(t, table.CheckSettings(config.Positions{}), want)
	}
	wantMistake(t, (&SnapshotSettings{Mode: "always"}).CheckSettings(config.Positions{}), `unknown snapshot mode "always"`)
}

func wantMistake(t *testing.T, ds hcl.Diagnostics, want string) {
	t.Helper()
	if len(ds) != 1 || !strings.Contains(ds[0].Summary, want) {
		t.Errorf("mistakes %v, want one: %s", ds, want)
	}
	if strings.Contains(fmt.Sprint(ds), "s3cr3t") {
		t.Errorf("secret in %v", ds)
	}
}

func TestCheckOfLiveServer(t *testing.T) {
	everywhere(t, func(site site) {
		s := NewSettings()
		s.URL, s.Include = config.Secret(site.server.URL(site.db)), []string{"public.a"}
		wantProblem(site, s.Check(site.Context(), site.db), "table_missing", "public.a")
		site.exec(`CREATE TABLE a (id int PRIMARY KEY)`)
		if errs := s.Check(site.Context(), site.db); len(errs) > 0 {
			site.Errorf("check: %v", errs)
		}
		left := site.server.Query(site, site.db, `SELECT count(*) FROM pg_publication`)
		if lines, err := s.Drop(site.Context(), site.db, false); left != "0" || err != nil || len(lines) > 0 {
			site.Errorf("check left something: %s, %q, %v", left, lines, err)
		}
	})
}
