package admin

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/pipeline"
)

func TestReady(t *testing.T) {
	with := func(change func(*pipeline.Status)) pipeline.Status {
		st := healthy("orders")
		change(&st)
		return st
	}
	retrying := pipeline.State{Name: "kafka_down", Kind: pipeline.Retrying}
	for _, c := range []struct {
		name          string
		st            pipeline.Status
		ready, strict int
	}{
		{"streaming", healthy("orders"), 200, 200},
		{"not started", with(func(s *pipeline.Status) { s.Role, s.State.Name = pipeline.Starting, "starting" }), 503, 503},
		{"standby", with(func(s *pipeline.Status) { s.Role, s.State.Name = pipeline.Standby, "standby" }), 200, 503},
		{"snapshot", with(func(s *pipeline.Status) { s.State.Name = "snapshot" }), 200, 503},
		{"source away", with(func(s *pipeline.Status) { s.State = retrying }), 200, 503},
		{"source warns", with(func(s *pipeline.Status) {
			s.State = pipeline.State{Name: "tables_unpublished", Kind: pipeline.Warning}
			s.Warnings = []pipeline.State{{Name: "rows_not_copied", Kind: pipeline.Warning}}
		}), 200, 200},
		{"sink away", with(func(s *pipeline.Status) { s.Sinks[0].State = retrying }), 200, 200},
		{"sink warns", with(func(s *pipeline.Status) { s.Sinks[0].State.Kind = pipeline.Warning }), 200, 200},
		{"sink halted", stuck("orders"), 200, 503},
	} {
		srv := serve(t, &fixed{list: []pipeline.Status{c.st}})
		if code, body := get(t, srv.URL+"/readyz"); code != c.ready {
			t.Errorf("%s: /readyz is %d %s, want %d", c.name, code, body, c.ready)
		}
		if code, body := get(t, srv.URL+"/readyz?strict"); code != c.strict {
			t.Errorf("%s: /readyz?strict is %d %s, want %d", c.name, code, body, c.strict)
		} else {
			for _, warning := range c.st.Warnings {
				if !strings.Contains(body, warning.Name) {
					t.Errorf("%s: /readyz?strict does not name %s: %s", c.name, warning.Name, body)
				}
			}
		}
	}
}

func TestReadyStaysReady(t *testing.T) {
	p := &fixed{list: []pipeline.Status{healthy("orders")}}
	srv := serve(t, p)
	if code, _ := get(t, srv.URL+"/readyz"); code != 200 {
		t.Fatalf("at first: %d", code)
	}
	p.list[0].Role = pipeline.Starting
	if code, _ := get(t, srv.URL+"/readyz"); code != 200 {
		t.Errorf("after the source went away: %d", code)
	}
}

func TestStrictOfOnePipeline(t *testing.T) {
	srv := serve(t, &fixed{list: []pipeline.Status{healthy("orders"), stuck("billing")}})
	if code, _ := get(t, srv.URL+"/readyz?strict&pipeline=orders"); code != 200 {
		t.Errorf("orders: %d", code)
	}
	if code, _ := get(t, srv.URL+"/readyz?strict&pipeline=billing"); code != 503 {
		t.Errorf("billing: %d", code)
	}
}
