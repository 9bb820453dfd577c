// Package capturetest judges sources and stands in for one.
//
// Run is the contract that every capture.Source passes. Script is a server that exists only in memory, with a log, a slot
// and the faults of a real one, and Script.Source a capture.Source that reads it: under testing/synctest a whole pipeline
// runs against it in no time, and losses are real. Judge is the oracle of what a target has seen.
package capturetest
