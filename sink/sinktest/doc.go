// Package sinktest tests the contract of package sink against a real target. Every sink has to pass it: its own test calls Run.
package sinktest
