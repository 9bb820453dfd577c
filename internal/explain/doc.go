// Package explain shows what one change becomes in the sinks of a pipeline: the events, the rules that have matched, and those that
// have not, with the part of the condition that decided. It contacts no server.
package explain
