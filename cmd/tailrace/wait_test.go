package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/admin"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/tail"
)

// moving is a pipeline "orders" whose sink "bus" holds everything after some looks, and whose sink "cache" stays where it
// is.
type moving struct {
	cache capture.LSN
	away  bool // the cache is not open
	after int32
	looks atomic.Int32
	err   error // of End
}

func (m *moving) Statuses() []pipeline.Status {
	bus := capture.Position{LSN: 0x10}
	if m.looks.Add(1) > m.after {
		bus.LSN = 0x20
	}
	ok := pipeline.State{Name: "streaming", Kind: pipeline.OK}
	stuck := pipeline.State{Name: "redis_down", Kind: pipeline.Retrying, Reason: "connection refused"}
	return []pipeline.Status{{
		Name: "orders", Role: pipeline.Active, State: ok,
		Sinks: []pipeline.SinkStatus{
			{Name: "bus", Kind: "kafka", State: ok, Durable: bus, Applied: bus},
			{Name: "cache", Kind: "redis", State: stuck, Durable: capture.Position{LSN: m.cache, Seq: 7}, Applied: capture.Position{LSN: m.cache, Seq: 7}, Unproven: m.away},
		},
	}}
}

func (m *moving) End(context.Context, string) (capture.LSN, error) { return 0x20, m.err }

func (m *moving) Tail(string, admin.TailQuery) (*tail.Tail, error) { return nil, m.err }

func serve(t *testing.T, p admin.Pipelines) string {
	t.Helper()
	srv := httptest.NewServer(admin.New(p, prometheus.NewRegistry(), admin.Access{}, "v1", zap.NewNop()))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestWaitUntilEverySinkHoldsIt(t *testing.T) {
	url := serve(t, &moving{cache: 0x20, after: 3})
	tailrace(t, "wait", "-pipeline", "orders", "-url", url).expect(t, 0, "orders: every sink holds everything up to 0/20", "")
}

func TestWaitForAnLSNThatIsHeldAlready(t *testing.T) {
	url := serve(t, &moving{cache: 0x20, err: errors.New("the end is not read")})
	tailrace(t, "wait", "-pipeline", "orders", "-lsn", "0/10", "-url", url).expect(t, 0, "up to 0/10", "")
}

func TestWaitNotInTimeSaysWhoStandsWhere(t *testing.T) {
	url := serve(t, &moving{cache: 0x18})
	r := tailrace(t, "wait", "-pipeline", "orders", "-timeout", "300ms", "-url", url)
	r.expect(t, 1, "", "not every sink of orders holds everything up to 0/20")
	r.expect(t, 1, "", "bus    0/20    holds it")
	r.expect(t, 1, "", "cache  0/18+7  redis_down: connection refused")
}

// What was durable in a sink before it failed may be less when it is back.
func TestWaitForASinkThatIsAway(t *testing.T) {
	url := serve(t, &moving{cache: 0x20, away: true})
	r := tailrace(t, "wait", "-pipeline", "orders", "-timeout", "300ms", "-url", url)
	r.expect(t, 1, "", "cache  0/20+7  redis_down: connection refused")
}

func TestWaitWithoutAnEnd(t *testing.T) {
	url := serve(t, &moving{err: errors.New("connect to 10.0.0.1: refused")})
	tailrace(t, "wait", "-pipeline", "orders", "-timeout", "300ms", "-url", url).
		expect(t, 1, "", "the end of the source's WAL is not known: connect to 10.0.0.1: refused")
}

func TestWaitForAPipelineThatIsNotThere(t *testing.T) {
	url := serve(t, &moving{})
	tailrace(t, "wait", "-pipeline", "order", "-url", url).expect(t, 2, "", `no pipeline "order"; did you mean "orders"?`)
}

func TestWaitForADaemonThatIsNotThere(t *testing.T) {
	tailrace(t, "wait", "-pipeline", "orders", "-timeout", "300ms", "-url", "http://127.0.0.1:1").
		expect(t, 1, "", "no daemon answers")
}
