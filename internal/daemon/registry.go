package daemon

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tailrace/tailrace/internal/pipeline"
)

// newRegistry returns a registry with the metrics of the process, of its version and of its configuration.
func newRegistry(version, hash string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		constant("tailrace_build_info", "Always 1: the version that runs.",
			prometheus.Labels{"version": version, "go": runtime.Version()}),
		constant("tailrace_config_info", "Always 1: a hash of the files' text.", prometheus.Labels{"hash": hash}),
	)
	return r
}

func constant(name, help string, labels prometheus.Labels) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels},
		func() float64 { return 1 })
}

// haltedCollector collects the state of pipelines that do not run, after a panic for instance; package pipeline collects that of
// the others. It is an unchecked collector, because package pipeline describes the series' name.
type haltedCollector struct{ daemon *daemon }

// Describe implements prometheus.Collector.
func (*haltedCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (h *haltedCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range h.daemon.supervisors {
		if state, none := s.stopped(); none {
			ch <- prometheus.MustNewConstMetric(stateDesc, prometheus.GaugeValue, 1, s.block.Name, state.Name, state.Kind)
			halted := 0.0
			if state.Kind == pipeline.Halted {
				halted = 1
			}
			ch <- prometheus.MustNewConstMetric(haltedDesc, prometheus.GaugeValue, halted, s.block.Name)
		}
	}
}

// stateDesc and haltedDesc are identical to the descriptions of package pipeline; a scrape fails if they differ.
var (
	stateDesc = prometheus.NewDesc("tailrace_pipeline_state", "1 for the named state that the pipeline is in, and for each of its warnings.",
		[]string{"pipeline", "state", "kind"}, nil)
	haltedDesc = prometheus.NewDesc("tailrace_pipeline_halted", "1 while the pipeline is halted, whatever its state is called.",
		[]string{"pipeline"}, nil)
)
