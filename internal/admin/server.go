package admin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/tail"
)

// Limits of the server.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 60 * time.Second
	headerBytes   = 16 << 10
	scrapes       = 4 // at the same time
	tails         = 8 // at the same time
)

// Pipelines is what the server shows. Its methods may be called by any goroutine.
type Pipelines interface {
	// Statuses returns one Status per pipeline, in the order of the files.
	Statuses() []pipeline.Status
	// End asks the pipeline's source for the current end of its write-ahead log: every commit that has returned lies before it.
	// It is called only with names that Statuses returns.
	End(ctx context.Context, pipeline string) (capture.LSN, error)
	// Tail opens the events of a pipeline's sinks. It is called only with names that Statuses returns.
	Tail(pipeline string, q TailQuery) (*tail.Tail, error)
}

// Server answers for a set of pipelines.
type Server struct {
	pipelines Pipelines
	version   string
	log       *zap.Logger
	started   startedPipelines
	tails     chan struct{} // one value for each that runs
	ending    chan struct{} // closed when the server shuts down
	handler   http.Handler
}

// New returns a server that shows p and the metrics of g. The version is shown on the status page.
func New(p Pipelines, g prometheus.Gatherer, a Access, version string, log *zap.Logger) *Server {
	s := &Server{pipelines: p, version: version, log: log, tails: make(chan struct{}, tails), ending: make(chan struct{})}
	r := routes{mux: http.NewServeMux(), access: a}
	r.read("/metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{
		ErrorLog: zap.NewStdLog(log), MaxRequestsInFlight: scrapes, Timeout: writeTimeout / 2,
	}))
	r.read("/healthz", http.HandlerFunc(s.healthz))
	r.read("/readyz", http.HandlerFunc(s.readyz))
	r.read("/api/v1/pipelines", http.HandlerFunc(s.list))
	r.read("/api/v1/pipelines/{name}", http.HandlerFunc(s.one))
	r.read("/api/v1/pipelines/{name}/wal", http.HandlerFunc(s.wal))
	r.values("/api/v1/pipelines/{name}/tail", http.HandlerFunc(s.tail))
	r.read("/{$}", http.HandlerFunc(s.page))
	r.read("/", http.HandlerFunc(notFound))
	s.handler = withHeaders(r.mux)
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve answers on l until ctx ends, then gives running requests a second to end. It closes l, and is called once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s,
		ErrorLog:          zap.NewStdLog(s.log),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
	}
	down := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(down)
		close(s.ending)
		bounded, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if srv.Shutdown(bounded) != nil {
			srv.Close()
		}
	})
	defer func() {
		if !stop() {
			<-down // Serve of package http returns before the running requests have ended
		}
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// withHeaders tells browsers to load nothing and frame nothing.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
