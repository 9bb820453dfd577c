// Package sink defines the targets that events are written to: a Sink, which is opened for a lane, and the Writer that Open
// returns. The progress record is in the sink, next to the data. abilities.go has what a Sink or a Writer may implement besides.
//
// A new sink is one folder here, one line in cmd/tailrace/kinds.go, one example, and a test that calls the contract of
// package sinktest.
package sink
