// Package sink says what a place is that events are written to: a Sink that is opened once for a lane, and the Writer
// that it gives. Progress lives in the sink, beside the data.
//
// A new sink is one folder here, one line in cmd/tailrace/kinds.go, one example, and a test that calls the contract of
// package sinktest.
package sink
