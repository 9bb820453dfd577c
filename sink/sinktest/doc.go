// Package sinktest is the contract that every sink passes: what package sink says in words, as tests, against a real
// target. A sink's own test calls Run.
package sinktest
