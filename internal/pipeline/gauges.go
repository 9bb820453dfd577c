package pipeline

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tailrace/tailrace/sink"
)

// gauges collects the series that come from the pipelines' Status at each scrape.
type gauges struct{ metrics *Metrics }

// gauge is one series per pipeline or per sink.
type gauge struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(Status) (float64, bool)     // per pipeline
	sink  func(SinkStatus) (float64, bool) // per sink
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tailrace_"+name, help, labels, nil)
}

var (
	stateDesc     = desc("pipeline_state", "1 for the named state that the pipeline is in, and for each of its warnings.", "pipeline", "state", "kind")
	sinkStateDesc = desc("sink_state", "1 for the named state that the sink is in.", "pipeline", "sink", "state", "kind")
	slotDesc      = desc("slot_state", "1 for the state of the slot on the server.", "pipeline", "state")
	roleDesc      = desc("pipeline_role", "1 for the daemon's role in the pipeline.", "pipeline", "role")
	ruleDesc      = desc("rule_changes_total", "Changes of the tables that a rule names, by whether the rule matched them.",
		"pipeline", "sink", "rule", "result")
	bufferDesc      = desc("sink_buffer_bytes", "Bytes in a buffer of the sink.", "pipeline", "sink", "buffer")
	bufferLimitDesc = desc("sink_buffer_limit_bytes", "Bound of a buffer of the sink.", "pipeline", "sink", "buffer")
	nullKeyDesc     = desc("rule_null_keys_total", "Events of a rule that have a null key.", "pipeline", "sink", "rule")
)

var perPipeline = []gauge{
	pipelineGauge("pipeline_halted", "1 while the pipeline is halted, whatever its state is called.",
		func(s Status) (float64, bool) { return boolValue(s.State.Kind == Halted), true }),
	pipelineGauge("oldest_unconfirmed_seconds", "Age of the oldest commit that is not durable in every sink.",
		func(s Status) (float64, bool) { return s.oldest(), true }),
	pipelineGauge("source_connected", "1 while the source streams to this daemon.",
		func(s Status) (float64, bool) { return boolValue(s.Source.Connected), true }),
	pipelineCounter("source_stalls_total", "Stalled connections to the source that were detected and closed.",
		func(s Status) (float64, bool) { return float64(s.Source.Stalls), true }),
	pipelineCounter("annotations_ignored_total", "Logical messages that could not annotate their transaction.",
		func(s Status) (float64, bool) { return float64(s.Source.AnnotationsIgnored), true }),
	pipelineGauge("source_tables_unpublished", "Tables that the file selects and the source does not publish.",
		func(s Status) (float64, bool) { return known(int64(s.Source.Unpublished)) }),
	pipelineGauge("slot_retained_bytes", "WAL that the slot keeps on the server.",
		func(s Status) (float64, bool) { return known(s.Source.Retained) }),
	pipelineGauge("slot_safe_bytes", "WAL that may still be written before the slot is lost.",
		func(s Status) (float64, bool) { return known(s.Source.Safe) }),
	pipelineGauge("slot_lost_in_seconds", "Time until the slot is lost at the current rate of WAL.",
		func(s Status) (float64, bool) { return s.Source.LostIn, s.Source.LostIn >= 0 }),
	pipelineGauge("window_bytes", "Bytes in flight between the source and the sinks.",
		func(s Status) (float64, bool) { return float64(s.Window.Bytes), true }),
	pipelineCounter("snapshot_rows_total", "Rows that the snapshot has read since the start.",
		func(s Status) (float64, bool) { return float64(s.Source.Copied), true }),
	pipelineGauge("snapshot_rows_estimated", "Rows that the snapshot was estimated to have.",
		func(s Status) (float64, bool) { return float64(s.Source.Estimated), true }),
}

var perSink = []gauge{
	sinkGauge("sink_halted", "1 while the sink is halted, whatever its state is called.",
		func(s SinkStatus) (float64, bool) { return boolValue(s.State.Kind == Halted), true }),
	sinkGauge("lag_seconds", "Age of the oldest commit that is not durable in the sink, or not applied in a cache; 0 when nothing is pending.",
		func(s SinkStatus) (float64, bool) { return s.LagSeconds, true }),
	sinkGauge("lag_bytes", "WAL between the sink's durable position, or the applied one of a cache, and the end of the source's WAL.",
		func(s SinkStatus) (float64, bool) { return known(s.LagBytes) }),
	sinkGauge("hold_seconds", "Age of the oldest commit that a cache has applied and the slot still keeps, by design; 0 for other sinks.",
		func(s SinkStatus) (float64, bool) { return s.HoldSeconds, true }),
}

func pipelineGauge(name, help string, value func(Status) (float64, bool)) gauge {
	return gauge{desc: desc(name, help, "pipeline"), kind: prometheus.GaugeValue, value: value}
}

func pipelineCounter(name, help string, value func(Status) (float64, bool)) gauge {
	return gauge{desc: desc(name, help, "pipeline"), kind: prometheus.CounterValue, value: value}
}

func sinkGauge(name, help string, value func(SinkStatus) (float64, bool)) gauge {
	return gauge{desc: desc(name, help, "pipeline", "sink"), kind: prometheus.GaugeValue, sink: value}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{stateDesc, sinkStateDesc, slotDesc, roleDesc, ruleDesc, nullKeyDesc, bufferDesc, bufferLimitDesc} {
		ch <- d
	}
	for _, x := range append(perPipeline[:len(perPipeline):len(perPipeline)], perSink...) {
		ch <- x.desc
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	for _, p := range g.metrics.all() {
		s := p.Status()
		for _, state := range append([]State{s.State}, s.Warnings...) {
			send(ch, stateDesc, prometheus.GaugeValue, 1, s.Name, state.Name, state.Kind)
		}
		send(ch, roleDesc, prometheus.GaugeValue, 1, s.Name, s.Role)
		if s.Source.Slot != "" {
			send(ch, slotDesc, prometheus.GaugeValue, 1, s.Name, s.Source.Slot)
		}
		for _, x := range perPipeline {
			if v, ok := x.value(s); ok {
				send(ch, x.desc, x.kind, v, s.Name)
			}
		}
		for _, k := range s.Sinks {
			send(ch, sinkStateDesc, prometheus.GaugeValue, 1, s.Name, k.Name, k.State.Name, k.State.Kind)
			for _, x := range perSink {
				if v, ok := x.sink(k); ok {
					send(ch, x.desc, x.kind, v, s.Name, k.Name)
				}
			}
		}
		p.collectRules(ch)
		p.collectBuffers(ch)
	}
}

// collectBuffers sends the sizes of the sinks' own buffers.
func (p *Pipeline) collectBuffers(ch chan<- prometheus.Metric) {
	for _, s := range p.config.Sinks {
		buffered, has := s.Sink.(sink.Buffered)
		if !has {
			continue
		}
		for _, b := range buffered.Buffers() {
			send(ch, bufferDesc, prometheus.GaugeValue, float64(b.Bytes), p.config.Name, s.Name, b.Name)
			send(ch, bufferLimitDesc, prometheus.GaugeValue, float64(b.Limit), p.config.Name, s.Name, b.Name)
		}
	}
}

// collectRules sends the counters of the rules of all sinks.
func (p *Pipeline) collectRules(ch chan<- prometheus.Metric) {
	for _, s := range p.config.Sinks {
		for _, r := range s.Rules.All() {
			matched, not := r.Counts()
			send(ch, ruleDesc, prometheus.CounterValue, float64(matched), p.config.Name, s.Name, r.Name, "matched")
			send(ch, ruleDesc, prometheus.CounterValue, float64(not), p.config.Name, s.Name, r.Name, "not_matched")
			send(ch, nullKeyDesc, prometheus.CounterValue, float64(r.NullKeys.Load()), p.config.Name, s.Name, r.Name)
		}
	}
}

func send(ch chan<- prometheus.Metric, d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
}

func known(n int64) (float64, bool) { return float64(n), n >= 0 }

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
