// Package pipeline is the heart: a stream's batches go into one byte-bounded window, each sink reads the window at its
// own pace through its own chain, and what the slowest sink holds durably is confirmed to the source.
//
// docs/architecture.md numbers the invariants that the code cites (I1 to I8).
package pipeline
