package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
)

// idle is a source whose database never changes.
type idle struct{}

func (idle) Run(ctx context.Context, _ func(error), serve func(context.Context, capture.Stream) error) error {
	return serve(ctx, idle{})
}

func (idle) Lane() string            { return "main" }
func (idle) Origin() capture.Origin  { return capture.Origin{System: 7, Timeline: 1} }
func (idle) Start() capture.Position { return capture.Position{LSN: 100} }
func (idle) Slot(context.Context) (capture.Slot, error) {
	return capture.Slot{Confirmed: 100, End: 100}, nil
}

func (idle) Compare(context.Context, capture.Record) (capture.Comparison, error) {
	return capture.Comparison{}, nil
}
func (idle) Done() <-chan struct{}                                  { return nil }
func (idle) Err() error                                             { return nil }
func (idle) Confirm(capture.Position)                               {}
func (idle) WALEnd(context.Context) (capture.LSN, error)            { return 100, nil }
func (idle) Resume(context.Context, []capture.Record) (bool, error) { return false, nil }

func (idle) Next(ctx context.Context) (capture.Batch, error) {
	<-ctx.Done()
	return capture.Batch{}, ctx.Err()
}

// nowhere is a sink that holds at once what it is given.
type nowhere struct{ held func(capture.Position) }

func (nowhere) Open(_ context.Context, l sink.Lane) (sink.Writer, sink.Progress, error) {
	return nowhere{l.OnDurable}, sink.Progress{Record: sink.RecordUnsupported}, nil
}

func (n nowhere) Write(_ context.Context, batches []sink.Batch) error {
	n.held(batches[len(batches)-1].End)
	return nil
}

func (nowhere) Close() error { return nil }

// freeAddress returns an address where no server listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	a, err := testenv.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// answer asks until the daemon answers with the code, which it may do only after a while.
func answer(t *testing.T, url string, code int) string {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		resp, err := http.Get(url)
		if err == nil {
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode == code {
				return string(b)
			}
			err = errors.New(resp.Status + " " + string(b))
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v, want %d", url, err, code)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestRun(t *testing.T) {
	f := &config.File{
		Daemon: config.Daemon{Listen: freeAddress(t)},
		Hash:   "abc123",
		Pipelines: []config.Pipeline{
			pipelineOf("orders", &sourceSettings{}, &sinkSettings{}, &sinkSettings{}),
			pipelineOf("broken", &sourceSettings{settings{refuses: errors.New("no such certificate")}}, &sinkSettings{}),
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, Options{File: f, Log: zap.NewNop(), Version: "v1.2.3"}) }()
	base := "http://" + f.Daemon.Listen

	answer(t, base+"/healthz", 200)
	answer(t, base+"/readyz?strict&pipeline=orders", 200)
	answer(t, base+"/readyz?pipeline=orders", 200)
	answer(t, base+"/readyz?strict", 503)
	if body := answer(t, base+"/api/v1/pipelines/orders/wal", 200); !strings.Contains(body, `"0/64"`) {
		t.Errorf("wal: %s", body)
	}
	if body := answer(t, base+"/api/v1/pipelines/broken", 200); !strings.Contains(body, "no such certificate") {
		t.Errorf("broken: %s", body)
	}
	metrics := answer(t, base+"/metrics", 200)
	for _, want := range []string{
		`tailrace_build_info{go="go`, `version="v1.2.3"} 1`, `tailrace_config_info{hash="abc123"} 1`,
		`tailrace_pipeline_state{kind="ok",pipeline="orders",state="streaming"} 1`,
		`tailrace_pipeline_state{kind="halted",pipeline="broken",state="failed"} 1`,
		`tailrace_pipeline_halted{pipeline="broken"} 1`,
		`tailrace_pipeline_halted{pipeline="orders"} 0`,
		`tailrace_sink_state{kind="ok",pipeline="orders",sink="b",state="streaming"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s:\n%s", want, metrics)
		}
	}
	if findings, err := promlint.New(strings.NewReader(metrics)).Lint(); err != nil || len(findings) > 0 {
		t.Errorf("promlint: %v, %v", findings, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRunWhereThePortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := &config.File{Daemon: config.Daemon{Listen: l.Addr().String()}}
	err = Run(context.Background(), Options{File: f, Log: zap.NewNop()})
	if err == nil || !strings.Contains(err.Error(), "for metrics and status") {
		t.Errorf("got %v", err)
	}
}
