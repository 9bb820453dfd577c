// Package trace passes on the trace context of the application (W3C Trace Context) that an annotation of a transaction, or a header
// that a block has set, carries: traceparent and tracestate.
package trace
