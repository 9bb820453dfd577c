// Package capturetest tests sources and provides one for tests.
//
// Run is the contract that every capture.Source passes. Script is a server that exists only in memory, with a log, a slot
// and the faults of a real one, and Script.Source is a capture.Source that reads it: under testing/synctest a whole
// pipeline runs against it in no real time, and losses are real. Judge checks what a target has seen.
package capturetest
