package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventview"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/tail"
	"github.com/tailrace/tailrace/transform"
)

const token = "s3cret-token"

// tailed is a pipeline with one sink, "bus", whose ring the test fills.
func tailed(t *testing.T, st pipeline.Status) (*fixed, *tail.Ring) {
	t.Helper()
	view, err := eventview.New(st.Name, config.Block{Kind: "kafka", Name: "bus"})
	if err != nil {
		t.Fatal(err)
	}
	ring := &tail.Ring{}
	return &fixed{list: []pipeline.Status{st}, sinks: []tail.Source{{Name: "bus", Ring: ring, View: view}}}, ring
}

// add adds n events whose seq are from first on.
func add(r *tail.Ring, first, n int, data string) {
	var list []transform.Event
	for i := range n {
		list = append(list, transform.Event{Type: "T", HasData: true, HasKey: true, Data: []byte(data), Change: &capture.Change{
			Tx: &capture.Tx{LSN: 0x100}, Seq: uint64(first + i), Table: &capture.Table{Name: "orders"},
		}})
	}
	r.Accepted(list, nil)
}

func newServer(p Pipelines) *Server {
	return New(p, prometheus.NewRegistry(), Access{Token: token}, "v1", zap.NewNop())
}

func serveTail(t *testing.T, p Pipelines) *Client {
	t.Helper()
	srv := httptest.NewServer(newServer(p))
	t.Cleanup(srv.Close)
	c, err := NewClient(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// collect returns the lines of a tail, shortened, until it ends or there are as many as wanted.
func collect(t *testing.T, c *Client, q TailQuery, wanted int, then func()) (lines []string, err error) {
	t.Helper()
	enough := errors.New("enough")
	err = c.Tail(t.Context(), "orders", token, q, func(_ []byte, l *TailLine) error {
		switch {
		case l.Event != nil:
			lines = append(lines, fmt.Sprintf("%s %d", l.Event.Sink, l.Event.Seq))
		case l.State != nil:
			lines = append(lines, fmt.Sprintf("%s/%s %s %s", l.State.Role, l.State.Sink, l.State.Kind, l.State.Name))
		default:
			lines = append(lines, fmt.Sprintf("%s skipped %d", l.Sink, l.Skipped))
		}
		if then != nil {
			then()
			then = nil
		}
		if len(lines) == wanted {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return lines, err
}

func TestTail(t *testing.T) {
	p, ring := tailed(t, healthy("orders"))
	c := serveTail(t, p)
	add(ring, 0, 3, `1`)
	lines, err := collect(t, c, TailQuery{Sink: "bus", N: 2}, 0, nil)
	if got := strings.Join(lines, ", "); err != nil || got != "bus 1, bus 2" {
		t.Errorf("without following: %q %v", got, err)
	}
	lines, err = collect(t, c, TailQuery{N: 1, Follow: true}, 3, func() { add(ring, 3, 2, `1`) })
	if got := strings.Join(lines, ", "); err != nil || got != "bus 2, bus 3, bus 4" {
		t.Errorf("following: %q %v", got, err)
	}
}

// A reader that is slower than the sink loses events, and learns how many. The sink does not wait.
func TestASlowReaderLosesEvents(t *testing.T) {
	p, ring := tailed(t, healthy("orders"))
	c := serveTail(t, p)
	const total = 20_000
	text := `"` + strings.Repeat("x", 8_000) + `"`
	add(ring, 0, 1, `1`)
	shown, skipped := 0, 0
	enough := errors.New("enough")
	err := c.Tail(t.Context(), "orders", token, TailQuery{N: 1, Follow: true}, func(_ []byte, l *TailLine) error {
		if l.Event != nil && l.Event.Seq == 0 { // nothing is read while all that comes
			for n := 1; n < total; n += 100 {
				add(ring, n, 100, text)
			}
		}
		if l.Event != nil {
			shown++
		}
		if skipped += int(l.Skipped); shown+skipped >= total {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || skipped == 0 || shown+skipped != total+1-total%100 && shown+skipped != total {
		t.Errorf("%d shown, %d skipped of %d: %v", shown, skipped, total, err)
	}
}

func TestStatesInATail(t *testing.T) {
	standby := healthy("orders")
	standby.Role, standby.State = pipeline.Standby, pipeline.State{Name: "standby", Kind: pipeline.OK, Reason: "slot is used by PID 7"}
	for want, st := range map[string]pipeline.Status{
		"":                                healthy("orders"),
		"active/bus halted topic_missing": stuck("orders"),
		"standby/ ok standby":             standby,
	} {
		p, _ := tailed(t, st)
		lines, err := collect(t, serveTail(t, p), TailQuery{}, 0, nil)
		if got := strings.Join(lines, ", "); err != nil || got != want {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
}

// A state is written when it changes, and when it is over.
func TestStatesThatChange(t *testing.T) {
	known := tailStates{}
	state := func(name, kind, reason string) TailState {
		return TailState{Role: pipeline.Active, State: pipeline.State{Name: name, Kind: kind, Reason: reason}}
	}
	for i, c := range []struct {
		state TailState
		lines int
	}{
		{state("streaming", pipeline.OK, ""), 0},
		{state("snapshot", pipeline.OK, ""), 0},
		{state("source_unreachable", pipeline.Retrying, "refused"), 1},
		{state("source_unreachable", pipeline.Retrying, "refused"), 0},
		{state("source_unreachable", pipeline.Retrying, "timeout"), 1},
		{state("streaming", pipeline.OK, ""), 1},
		{TailState{Role: pipeline.Standby, State: pipeline.State{Name: "standby", Kind: pipeline.OK}}, 1},
		{state("streaming", pipeline.OK, ""), 1},
	} {
		rec := httptest.NewRecorder()
		w := newTailWriter(rec)
		known.write(w, c.state)
		w.flush()
		if n := strings.Count(rec.Body.String(), "\n"); n != c.lines {
			t.Errorf("%d: %d lines, want %d: %s", i, n, c.lines, rec.Body)
		}
	}
}

func TestTailIsRefused(t *testing.T) {
	p, ring := tailed(t, healthy("orders"))
	add(ring, 0, 1, `"canary-7f3a"`)
	for name, c := range map[string]struct {
		access Access
		method string
		query  string
		change func(*http.Request)
		code   int
		want   string
	}{
		"no token":           {Access{Token: token}, "GET", "", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "missing or wrong"},
		"a wrong token":      {Access{Token: token}, "GET", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401, "missing or wrong"},
		"none configured":    {Access{}, "GET", "", nil, 403, "daemon.token is not set"},
		"another host":       {Access{Token: token}, "GET", "", func(r *http.Request) { r.Host = "rebind.example" }, 403, "must not show values of rows"},
		"another origin":     {Access{Token: token}, "GET", "", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403, "another origin"},
		"another site":       {Access{Token: token}, "GET", "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "another origin"},
		"HEAD":               {Access{Token: token}, "HEAD", "", nil, 405, "use GET"},
		"POST":               {Access{Token: token}, "POST", "", nil, 405, "use GET"},
		"too many":           {Access{Token: token}, "GET", "n=129", nil, 400, "n=129 is not a number from 0 to 128"},
		"no number":          {Access{Token: token}, "GET", "n=x", nil, 400, "n=x"},
		"no answer":          {Access{Token: token}, "GET", "follow=yes", nil, 400, "follow=yes"},
		"an unknown sink":    {Access{Token: token}, "GET", "sink=cache", nil, 404, `has no sink \"cache\"`},
		"what it is without": {Access{Token: token}, "GET", "", nil, 200, "canary-7f3a"},
	} {
		s := New(p, prometheus.NewRegistry(), c.access, "v1", zap.NewNop())
		r := httptest.NewRequest(c.method, "/api/v1/pipelines/orders/tail?"+c.query, nil)
		r.Host = "127.0.0.1:9187"
		r.Header.Set("Authorization", "Bearer "+token)
		if c.change != nil {
			c.change(r)
		}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		body := rec.Body.String()
		if rec.Code != c.code || !strings.Contains(body, c.want) || c.code != 200 && strings.Contains(body, "canary") {
			t.Errorf("%s: %d %s, want %d with %q", name, rec.Code, body, c.code, c.want)
		}
	}
}

func TestClientOfATail(t *testing.T) {
	p, _ := tailed(t, healthy("orders"))
	c := serveTail(t, p)
	each := func([]byte, *TailLine) error { return nil }
	if err := c.Tail(t.Context(), "orders", "wrong", TailQuery{}, each); !errors.Is(err, ErrRefused) {
		t.Errorf("wrong token: %v", err)
	}
	if err := c.Tail(t.Context(), "other", token, TailQuery{}, each); !errors.Is(err, ErrNoPipeline) {
		t.Errorf("unknown pipeline: %v", err)
	}
	for name, h := range map[string]http.HandlerFunc{
		"other text": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"other lines": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", tailType)
			fmt.Fprint(w, "<html>\n")
		},
	} {
		srv := httptest.NewServer(h)
		other, err := NewClient(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Tail(t.Context(), "orders", token, TailQuery{}, each); err == nil || !strings.Contains(err.Error(), "not tailrace") {
			t.Errorf("%s: %v", name, err)
		}
		srv.Close()
	}
}
