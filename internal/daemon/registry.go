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
