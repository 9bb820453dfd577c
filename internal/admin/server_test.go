package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/tail"
)

var update = flag.Bool("update", false, "write testdata/*.golden again")

// fixed is a set of pipelines that does not move.
type fixed struct {
	list  []pipeline.Status
	end   capture.LSN
	err   error
	sinks []tail.Source
}

func (f *fixed) Statuses() []pipeline.Status { return f.list }

func (f *fixed) Tail(_ string, q TailQuery) (*tail.Tail, error) {
	return tail.Open(f.sinks, q.N, q.Follow), f.err
}

func (f *fixed) End(context.Context, string) (capture.LSN, error) { return f.end, f.err }

func at(lsn capture.LSN) capture.Position { return capture.Position{LSN: lsn} }

var since = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// healthy is a pipeline that streams into one sink.
func healthy(name string) pipeline.Status {
	ok := pipeline.State{Name: "streaming", Kind: pipeline.OK, Since: since}
	return pipeline.Status{
		Name: name, Role: pipeline.Active, State: ok,
		Source: pipeline.SourceStatus{
			Kind: "postgres", Connected: true, Slot: "active", End: 0x16B3748, Confirmed: at(0x16B3700),
			Retained: 4096, Safe: -1,
		},
		Window: pipeline.WindowStatus{Bytes: 1536, Limit: 64 << 20},
		Sinks: []pipeline.SinkStatus{{
			Name: "bus", Kind: "kafka", State: ok, Accepted: at(0x16B3748),
			Durable: capture.Position{LSN: 0x16B3700, Seq: 3}, Applied: capture.Position{LSN: 0x16B3700, Seq: 3}, LagSeconds: 0.25, LagBytes: 72, Events: 12,
		}},
	}
}

// stuck is a pipeline whose only sink halted.
func stuck(name string) pipeline.Status {
	st := healthy(name)
	st.Sinks[0].State = pipeline.State{
		Name: "topic_missing", Kind: pipeline.Halted, Since: since,
		Reason: "the topic <orders> does not exist", Fix: "kafka-topics.sh --create --topic orders",
	}
	return st
}

func serve(t *testing.T, p Pipelines) *httptest.Server {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tailrace_test"}, func() float64 { return 7 }))
	srv := httptest.NewServer(New(p, reg, Access{}, "v1.2.3", zap.NewNop()))
	t.Cleanup(srv.Close)
	return srv
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestAnswers(t *testing.T) {
	srv := serve(t, &fixed{list: []pipeline.Status{healthy("orders"), stuck("billing")}, end: 0x16B3748})
	for _, c := range []struct {
		path string
		code int
		want string // in the body
	}{
		{"/healthz", 200, "ok\n"},
		{"/metrics", 200, "tailrace_test 7"},
		{"/api/v1/pipelines/orders", 200, `"held": "0/16B3700+3"`},
		{"/api/v1/pipelines/orders/wal", 200, `"lsn": "0/16B3748"`},
		{"/api/v1/pipelines/other", 404, `there is no pipeline \"other\"`},
		{"/api/v1/pipelines/other/wal", 404, `there is no pipeline \"other\"`},
		{"/readyz?strict&pipeline=other", 404, `there is no pipeline \"other\"`},
		{"/debug/pprof/", 404, `there is nothing at \"/debug/pprof/\"`},
		{"/index.html", 404, `there is nothing at`},
	} {
		code, body := get(t, srv.URL+c.path)
		if code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s; want %d with %s", c.path, code, body, c.code, c.want)
		}
	}
}

func TestGolden(t *testing.T) {
	srv := serve(t, &fixed{list: []pipeline.Status{healthy("orders"), stuck("billing")}})
	for name, path := range map[string]string{
		"pipelines": "/api/v1/pipelines", "strict": "/readyz?strict", "strict-orders": "/readyz?strict&pipeline=orders",
	} {
		_, body := get(t, srv.URL+path)
		golden(t, name, body)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestNoPipelinesIsAnEmptyArray(t *testing.T) {
	_, body := get(t, serve(t, &fixed{}).URL+"/api/v1/pipelines")
	if body != "[]\n" {
		t.Errorf("got %q", body)
	}
}

func TestNothingChangesAnything(t *testing.T) {
	srv := serve(t, &fixed{list: []pipeline.Status{healthy("orders")}})
	for _, path := range []string{"/", "/metrics", "/api/v1/pipelines", "/nowhere"} {
		resp, err := http.Post(srv.URL+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var r errorBody
		if err := json.NewDecoder(resp.Body).Decode(&r); err != nil || resp.StatusCode != 405 || r.Error == "" {
			t.Errorf("POST %s: %d %+v %v", path, resp.StatusCode, r, err)
		}
	}
}

func TestEndOfWALThatNobodyKnows(t *testing.T) {
	srv := serve(t, &fixed{list: []pipeline.Status{healthy("orders")}, err: errors.New("connect to 10.0.0.1: refused")})
	code, body := get(t, srv.URL+"/api/v1/pipelines/orders/wal")
	if code != 503 || !strings.Contains(body, "refused") {
		t.Errorf("%d %s", code, body)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- New(&fixed{}, prometheus.NewRegistry(), Access{}, "v1", zap.NewNop()).Serve(ctx, l)
	}()
	if code, _ := get(t, "http://"+l.Addr().String()+"/healthz"); code != 200 {
		t.Errorf("healthz: %d", code)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// pipes is a listener whose connections are in memory.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// slow is a set of pipelines whose source answers when it is released.
type slow struct {
	fixed
	release chan struct{}
}

func (s *slow) End(context.Context, string) (capture.LSN, error) {
	<-s.release
	return 0x1F, nil
}

// Serve returns after the requests that were running when its context ended, for a second at most.
func TestServeWaitsForRunningRequests(t *testing.T) {
	for _, answered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := &slow{fixed: fixed{list: []pipeline.Status{healthy("orders")}}, release: make(chan struct{})}
			l := newPipes()
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- New(p, prometheus.NewRegistry(), Access{}, "v1", zap.NewNop()).Serve(ctx, l) }()
			here, there := net.Pipe()
			l.conns <- there
			io.WriteString(here, "GET /api/v1/pipelines/orders/wal HTTP/1.1\r\nHost: localhost\r\n\r\n")
			synctest.Wait()
			began := time.Now()
			cancel()
			synctest.Wait()
			select {
			case err := <-ended:
				t.Fatalf("Serve has returned %v while a request runs", err)
			default:
			}
			if answered {
				close(p.release)
				resp, err := http.ReadResponse(bufio.NewReader(here), nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%v, %v", resp, err)
				}
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > time.Second || !answered && took != time.Second {
				t.Errorf("answered %t: Serve has returned after %s", answered, took)
			}
			here.Close()
			if !answered {
				close(p.release)
			}
		})
	}
}

func TestHeadersAreBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go New(&fixed{}, prometheus.NewRegistry(), Access{}, "v1", zap.NewNop()).Serve(ctx, l)
	req, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", resp.StatusCode)
	}
}
