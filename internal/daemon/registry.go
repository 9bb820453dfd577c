package daemon

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// newRegistry holds the process's own metrics, what was built, and what it was configured with.
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

// halted gives the state of pipelines of which no line runs, after a panic for instance: package pipeline shows the
// others. It is an unchecked collector, because the series' name is described there.
type halted struct{ daemon *daemon }

// Describe implements prometheus.Collector.
func (*halted) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (h *halted) Collect(ch chan<- prometheus.Metric) {
	for _, s := range h.daemon.supervisors {
		if state, none := s.resting(); none {
			ch <- prometheus.MustNewConstMetric(stateDesc, prometheus.GaugeValue, 1, s.block.Name, state.Name, state.Kind)
		}
	}
}

// stateDesc is what package pipeline describes, to the letter: a scrape fails when it is not.
var stateDesc = prometheus.NewDesc("tailrace_pipeline_state", "1 for the named state that the pipeline is in.",
	[]string{"pipeline", "state", "kind"}, nil)
