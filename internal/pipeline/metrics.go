package pipeline

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tailrace/tailrace/capture"
)

// Metrics are the series of all pipelines of a daemon: counters, and gauges that are read from the Status of each pipeline at a
// scrape.
type Metrics struct {
	changes   *prometheus.CounterVec
	events    *prometheus.CounterVec
	rejected  *prometheus.CounterVec
	retries   *prometheus.CounterVec
	delivery  *prometheus.HistogramVec
	waited    *prometheus.CounterVec
	mu        sync.Mutex
	pipelines []*Pipeline
}

// sinkMetrics are one sink's counters.
type sinkMetrics struct {
	events   prometheus.Counter
	retries  prometheus.Counter
	delivery prometheus.Observer
	reject   func(reason string)
}

// NewMetrics registers the series.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tailrace_" + name, Help: help}, labels)
	}
	m := &Metrics{
		changes:  counter("changes_total", "Changes read from the source.", "pipeline", "op"),
		events:   counter("events_total", "Events that a sink has accepted.", "pipeline", "sink"),
		rejected: counter("events_rejected_total", "Events that a sink has rejected.", "pipeline", "sink", "reason"),
		retries:  counter("retries_total", "Failed attempts of a sink.", "pipeline", "sink"),
		waited: counter("window_wait_seconds_total",
			"Time that the pipeline waited for a sink, or for the source (sink=\"source\").", "pipeline", "sink"),
		delivery: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "tailrace_delivery_seconds",
			Help:    "Time from the commit, by the source's clock, until it is durable in the sink; one observation per batch.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 20),
		}, []string{"pipeline", "sink"}),
	}
	r.MustRegister(m.changes, m.events, m.rejected, m.retries, m.delivery, m.waited, &gauges{m})
	return m
}

func (m *Metrics) sink(pipeline, name string) sinkMetrics {
	return sinkMetrics{
		events:   m.events.WithLabelValues(pipeline, name),
		retries:  m.retries.WithLabelValues(pipeline, name),
		delivery: m.delivery.WithLabelValues(pipeline, name),
		reject:   func(reason string) { m.rejected.WithLabelValues(pipeline, name, reason).Inc() },
	}
}

// read counts changes that were read from the source.
func (m *Metrics) read(pipeline string, changes []capture.Change) {
	var n [capture.Message + 1]int
	for i := range changes {
		n[changes[i].Op]++
	}
	for op, n := range n {
		if n > 0 {
			m.changes.WithLabelValues(pipeline, capture.Op(op).String()).Add(float64(n))
		}
	}
}

func (m *Metrics) add(p *Pipeline) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pipelines = append(m.pipelines, p)
}

func (m *Metrics) remove(p *Pipeline) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.pipelines {
		if m.pipelines[i] == p {
			m.pipelines = append(m.pipelines[:i], m.pipelines[i+1:]...)
			return
		}
	}
}

func (m *Metrics) all() []*Pipeline {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*Pipeline(nil), m.pipelines...)
}
